using Engine.Onnx;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Writes the network as <see cref="PredictProba(Tensors)"/> has it now as an ONNX file, for ONNX Runtime and the tools that read
    /// its files. Its inputs and outputs are called as their layers are; the number of samples is open. What <see
    /// cref="BatchIteratorTest"/> normalises is normalised in the file too; what its Transform does is not there.
    /// </summary>
    /// <exception cref="EngineException">
    /// ONNX has no such op as one of a layer's, or the file cannot be written.
    /// </exception>
    public void ExportOnnx(string path)
    {
        Initialize();
        using Graph.Gate.Reading reading = Read();
        IReadOnlyList<OutputHead> heads = Initialized.Heads;
        (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Graph.Variable> outputs) =
            InUse(heads.Select(head => head.Probabilities), BatchIteratorTest);
        OnnxExport.Save(
            path, inputs, [.. heads.Zip(outputs, (head, output) => KeyValuePair.Create(head.Name, output))]);
    }
}
