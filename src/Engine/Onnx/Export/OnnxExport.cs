using Engine.Graph;
using Engine.IO;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>
/// Writes what a graph computes, with the values that its shared variables have now, as an ONNX file, which ONNX
/// Runtime, and through it most tools, can run. The graph is exported as it was written, op by op, so that whatever
/// layers, users' nonlinearities among them, are made of can be exported too.
/// </summary>
/// <remarks>
/// The encoding is written here (<see cref="ProtoWriter"/>): of ONNX's schema ten messages are needed, of Protocol
/// Buffers two encodings, and only to be written. For that Google.Protobuf and a code generator are much to depend on.
/// </remarks>
public static class OnnxExport
{
    /// <summary>Writes a file; a former one is replaced only when the new one is whole and on the disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">What is given; sides that are unknown may be any when the file is run.</param>
    /// <param name="outputs">What is computed from it, by the names that it is to have in the file.</param>
    /// <exception cref="EngineException">
    /// ONNX has no such op as one that the outputs need, an input is missing, or the file cannot be written.
    /// </exception>
    public static void Save(
        string path, IReadOnlyList<Input> inputs, params IReadOnlyList<KeyValuePair<string, Variable>> outputs) =>
        Save(path, inputs, outputs, new Dictionary<Input, IReadOnlyList<string>>());

    /// <summary>Writes a file some of whose inputs are words, of which the graph takes the numbers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">What is given.</param>
    /// <param name="outputs">What is computed from it.</param>
    /// <param name="words">
    /// The words of an int32 input that is given as such: each becomes its place, none -1, and an unknown one their count.
    /// </param>
    internal static void Save(
        string path, IReadOnlyList<Input> inputs, IReadOnlyList<KeyValuePair<string, Variable>> outputs,
        IReadOnlyDictionary<Input, IReadOnlyList<string>> words)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        var graph = new OnnxGraph();
        string[] given = [.. inputs.Select(input => graph.NewName(input.Name ?? "input"))];
        foreach ((Input input, string name) in inputs.Zip(given))
        {
            graph.Give(input, words.TryGetValue(input, out IReadOnlyList<string>? known)
                ? graph.AddWords(name, [.. known.Select((word, i) => KeyValuePair.Create(word, i)).Append(new("", -1)).DistinctBy(word => word.Key)], known.Count)
                : name);
        }

        string[] names = [.. outputs.Select(output => graph.NewName(output.Key))];
        IReadOnlyList<Variable> values =
            Expansion.StandIns(new FunctionGraph(inputs, [.. outputs.Select(output => output.Value)], [])).Outputs;
        Add(graph, values);

        for (int i = 0; i < names.Length; i++)
        {
            graph.AddOutput(names[i], graph.Name(values[i]));
        }

        ProtoWriter model = graph.Model(
            inputs.Zip(given, (input, name) => OnnxGraph.Value(name, input.Type, areWords: words.ContainsKey(input))),
            names.Zip(values, (name, value) => OnnxGraph.Value(name, value.Type)));
        WholeFile.Write(path, stream => stream.Write(model.Written));
    }
    /// <summary>Adds what some variables are computed by.</summary>
    internal static void Add(OnnxGraph graph, IReadOnlyList<Variable> values)
    {
        foreach (Apply node in Traversal.Order(values))
        {
            graph.Layer = node.Origin.Layer;
            if (node.Op is Scan scan)
            {
                OnnxLoops.Add(graph, node, scan);
            }
            else
            {
                graph.Give(node.Outputs[0], OnnxOps.Add(graph, node));
            }
        }
    }
}
