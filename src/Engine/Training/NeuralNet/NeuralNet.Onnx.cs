using Engine.Graph;
using Engine.Onnx;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Returns a network from an ONNX file with default settings. You can use it, inspect it and train it further. For
    /// other settings, or more layers, write <c>new NeuralNet(OnnxModel.Load(path).ToNode(output).Then(…)) { … }</c>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="output">The result that becomes the network's output; null for the file's only output.</param>
    /// <exception cref="IO.ModelFileException">
    /// The file is no ONNX model, is damaged, or needs features that are not supported.
    /// </exception>
    /// <exception cref="EngineException">There is no such result, or an input has unknown dimensions.</exception>
    public static NeuralNet FromOnnx(string path, string? output = null)
    {
        OnnxModel model = OnnxModel.Load(path);
        model.GiveWeights();
        var net = new NeuralNet(model.ToNode(output))
        {
            FloatX = model.Inputs.Any(input => input.DType == DType.Float64) ? DType.Float64 : DType.Float32,
        };

        // The file contains the weights, so the network can predict at once.
        net.Initialize();
        return net;
    }

    /// <summary>
    /// Writes an ONNX file that computes <see cref="PredictProba(Tensors)"/>, for ONNX Runtime and other tools. Inputs
    /// and outputs have the names of their layers; the number of samples is unknown. The file contains the
    /// normalization of <see cref="BatchIteratorTest"/>, but not its Transform.
    /// </summary>
    /// <exception cref="EngineException">
    /// A layer uses an op that ONNX does not have, or the file cannot be written.
    /// </exception>
    public void ExportOnnx(string path) => ExportOnnx(path, new Dictionary<string, string>());

    /// <summary>Writes an ONNX file with entries of metadata, such as the names of the classes.</summary>
    internal void ExportOnnx(string path, IReadOnlyDictionary<string, string> metadata)
    {
        Initialize();
        using Gate.Reading reading = Read();
        IReadOnlyList<OutputHead> heads = Initialized.Heads;
        (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> outputs) =
            InUse(heads.Select(head => head.Probabilities), BatchIteratorTest);
        OnnxExport.Save(
            path, metadata, inputs, [.. heads.Zip(outputs, (head, output) => KeyValuePair.Create(head.Name, output))]);
    }

    /// <summary>
    /// Returns an ONNX file of the prediction, including preparation before it and interpretation after it.
    /// </summary>
    /// <param name="given">The inputs of the file.</param>
    /// <param name="samples">The network's samples, computed from the inputs.</param>
    /// <param name="meaning">Interprets the network's output.</param>
    /// <param name="name">The name of the result.</param>
    /// <param name="words">The words of inputs that take words.</param>
    /// <param name="metadata">The entries of the file's metadata.</param>
    internal ReadOnlyMemory<byte> WriteOnnx(
        IReadOnlyList<Graph.Input> given, Func<Graph.Input, Variable> samples, Func<Variable, Variable> meaning,
        string name,
        IReadOnlyDictionary<Graph.Input, IReadOnlyList<string>> words, IReadOnlyDictionary<string, string> metadata)
    {
        Initialize();
        using Gate.Reading reading = Read();
        (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> outputs) =
            InUse([Initialized.Head.Probabilities], BatchIteratorTest);
        Variable output =
            Traversal.Replace(outputs, new Dictionary<Variable, Variable> { [inputs[0]] = samples(inputs[0]) })[0];
        return OnnxExport.Write(given, [KeyValuePair.Create(name, meaning(output))], words, metadata);
    }
}
