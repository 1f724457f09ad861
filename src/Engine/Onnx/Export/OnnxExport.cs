using Engine.Graph;
using Engine.IO;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>
/// Writes a graph with the current values of its shared variables as an ONNX file. ONNX Runtime can run it, and through
/// it most tools. The graph is exported op by op as it was written, so layers with users' own nonlinearities can be
/// exported, too.
/// </summary>
/// <remarks>
/// The encoder is part of this library (<see cref="ProtoWriter"/>). The export writes only ten messages of ONNX's
/// schema and two encodings of Protocol Buffers, which does not justify a dependency on Google.Protobuf and a code
/// generator.
/// </remarks>
public static class OnnxExport
{
    /// <summary>
    /// Writes a file. An existing file is replaced only when the new one is complete and on the disk.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">The inputs. Unknown dimensions may have any length when the file runs.</param>
    /// <param name="outputs">The outputs, by their names in the file.</param>
    /// <exception cref="EngineException">
    /// The outputs need an op that ONNX does not have, an input is missing, or the file cannot be written.
    /// </exception>
    public static void Save(
        string path, IReadOnlyList<Input> inputs, params IReadOnlyList<KeyValuePair<string, Variable>> outputs) =>
        Save(path, new Dictionary<string, string>(), inputs, outputs);

    /// <summary>Writes a file with entries of metadata.</summary>
    internal static void Save(
        string path, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<Input> inputs,
        IReadOnlyList<KeyValuePair<string, Variable>> outputs)
    {
        ArgumentNullException.ThrowIfNull(path);
        ReadOnlyMemory<byte> file = Write(inputs, outputs, new Dictionary<Input, IReadOnlyList<string>>(), metadata);
        WholeFile.Write(path, stream => stream.Write(file.Span));
    }

    /// <summary>Returns a file with some inputs that are words. The graph takes the numbers of the words.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="words">
    /// The words of an int32 input that takes words. A word becomes its index, a missing one -1, and an unknown one the
    /// number of words.
    /// </param>
    /// <param name="metadata">The entries of the file's metadata; null for none.</param>
    internal static ReadOnlyMemory<byte> Write(
        IReadOnlyList<Input> inputs, IReadOnlyList<KeyValuePair<string, Variable>> outputs,
        IReadOnlyDictionary<Input, IReadOnlyList<string>> words, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        var graph = new OnnxGraph();
        string[] given = [.. inputs.Select(input => graph.NewName(input.Name ?? "input"))];
        foreach ((Input input, string name) in inputs.Zip(given))
        {
            graph.Give(input, words.TryGetValue(input, out IReadOnlyList<string>? known)
                ? graph.AddWords(
                    name, [.. known.Select((word, i) => KeyValuePair.Create(word, i)).Append(new("", -1))
                        .DistinctBy(word => word.Key)], known.Count)
                : name);
        }

        string[] names = [.. outputs.Select(output => graph.NewName(output.Key))];
        IReadOnlyList<Variable> values =
            Expansion.Apply(new FunctionGraph(inputs, [.. outputs.Select(output => output.Value)], [])).Outputs;
        Add(graph, values);

        for (int i = 0; i < names.Length; i++)
        {
            graph.AddOutput(names[i], graph.Name(values[i]));
        }

        ProtoWriter model = graph.Model(
            inputs.Zip(given, (input, name) => OnnxGraph.Value(name, input.Type, areWords: words.ContainsKey(input))),
            names.Zip(values, (name, value) => OnnxGraph.Value(name, value.Type)));
        foreach ((string key, string value) in metadata ?? new Dictionary<string, string>())
        {
            model.Message(14, new ProtoWriter().Text(1, key).Text(2, value));
        }

        return model.Written.ToArray();
    }

    /// <summary>Adds the nodes that compute some variables.</summary>
    internal static void Add(OnnxGraph graph, IReadOnlyList<Variable> values)
    {
        IReadOnlyList<Apply> order = Traversal.Order(values);
        graph.Read(values);
        foreach (Apply node in order.Reverse().Where(node => node.Outputs.Any(graph.IsRead)))
        {
            graph.Read(OnnxShapes.Named(node));
        }

        foreach (Apply node in order.Where(node => node.Outputs.Any(graph.IsRead)))
        {
            graph.Layer = node.Origin.Layer;
            switch (node.Op)
            {
                case Scan scan:
                    OnnxLoops.Add(graph, node, scan);
                    break;
                case Branch branch:
                    OnnxLoops.Add(graph, node, branch);
                    break;
                default:
                    graph.Give(node.Outputs[0], OnnxOps.Add(graph, node));
                    break;
            }
        }
    }
}
