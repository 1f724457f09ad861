using System.Globalization;
using System.Text;

namespace Engine.Graph;

/// <summary>Writes graphs for Graphviz.</summary>
public static class DotPrinter
{
    /// <summary>
    /// Returns the graph that named roots depend on: boxes for ops, in a frame for each layer, ellipses for inputs,
    /// constants and shared variables, and edges with types.
    /// </summary>
    public static string Print(params IReadOnlyList<(string Name, Variable Variable)> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        IReadOnlyList<Apply> nodes = Traversal.Order(roots.Select(root => root.Variable));
        var ids = new Dictionary<object, string>(ReferenceEqualityComparer.Instance);
        var text = new StringBuilder("digraph {\n  node [fontname=\"sans-serif\"];\n");
        foreach (Variable leaf in FunctionGraph.Leaves(roots.Select(root => root.Variable)))
        {
            string shape = leaf is SharedVariable ? "ellipse, style=filled, fillcolor=lightgray" : "ellipse";
            Line(1, $"{Id(leaf)} [label={Quoted(leaf.Name ?? leaf.ToString(), leaf.Type)}, shape={shape}];");
        }

        int frame = 0;
        foreach (IGrouping<string?, Apply> layer in nodes.GroupBy(node => node.Origin.Layer))
        {
            bool isLayer = layer.Key is not null;
            if (isLayer)
            {
                Line(1, $"subgraph cluster{frame++} {{ label={Quoted(layer.Key!)};");
            }

            foreach (Apply node in layer)
            {
                Line(isLayer ? 2 : 1, $"{Id(node)} [label={Quoted(node.Op.Name)}, shape=box];");
            }

            if (isLayer)
            {
                Line(1, "}");
            }
        }

        foreach (Apply node in nodes)
        {
            foreach (Variable input in node.Inputs)
            {
                Line(1, $"{From(input)} -> {Id(node)} [label={Quoted(input is Result ? input.Type.ToString() : "")}];");
            }
        }

        for (int i = 0; i < roots.Count; i++)
        {
            Line(1, $"root{i} [label={Quoted(roots[i].Name)}, shape=plaintext];");
            Line(1, $"{From(roots[i].Variable)} -> root{i} [label={Quoted(roots[i].Variable.Type.ToString())}];");
        }

        return text.Append("}\n").ToString();

        void Line(int depth, string line) => text.Append(' ', 2 * depth).Append(line).Append('\n');

        string From(Variable variable) => Id(variable is Result result ? result.Owner : variable);

        string Id(object identity)
        {
            ids.TryAdd(identity, string.Create(CultureInfo.InvariantCulture, $"n{ids.Count}"));
            return ids[identity];
        }
    }

    private static string Quoted(string text, TensorType? type = null)
    {
        string escaped = text
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal);
        return $"\"{escaped}{(type is null ? "" : $"\\n{type}")}\"";
    }
}
