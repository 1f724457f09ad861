using Engine.Onnx;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Writes the network as <see cref="PredictProba"/> has it now as an ONNX file, for ONNX Runtime and the tools that read
    /// its files. Its
    /// input and its output are called as the first and the last layer are; the number of samples is open. What <see
    /// cref="BatchIteratorTest"/> normalises is normalised in the file too; what its Transform does is not there.
    /// </summary>
    /// <exception cref="EngineException">
    /// ONNX has no such op as one of a layer's, or the file cannot be written.
    /// </exception>
    public void ExportOnnx(string path)
    {
        Initialize();
        using Graph.Gate.Reading reading = Read();
        (Graph.Input input, Graph.Variable output) = InUse(Initialized.Probabilities, BatchIteratorTest);
        OnnxExport.Save(path, [input], KeyValuePair.Create(Initialized.Network.Layers[^1].Name, output));
    }
}
