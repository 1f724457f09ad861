using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

/// <summary>Expressions after some rewrites, as readable text.</summary>
internal static class Written
{
    public static Input Vector3 { get; } = Variable("v", DType.Float32, [3]);

    public static Input Matrix23 { get; } = Variable("x", DType.Float32, [2, 3]);

    /// <summary>Returns a graph of these outputs after rewrites, in the order given.</summary>
    public static FunctionGraph Rewrite(string rewrites, params Variable[] outputs)
    {
        Input[] inputs = [.. FunctionGraph.Leaves(outputs).OfType<Input>()];
        FunctionGraph graph = FunctionGraph.Create(inputs, outputs, [], []);
        foreach (string name in rewrites.Split(", "))
        {
            graph = Engine.Rewrites.Rewrite.All.First(rewrite => rewrite.Name == name)
                .Apply(graph, Engine.Devices.Device.Default);
        }

        return graph;
    }

    /// <summary>Returns the text of an expression after rewrites: <c>add(x, multiply(v, 2))</c>.</summary>
    public static string After(string rewrites, Variable output) => Text(Rewrite(rewrites, output).Outputs[0]);

    private static string Text(Variable variable)
    {
        if (variable is not Result { Owner: var node } result)
        {
            return variable.ToString();
        }

        IEnumerable<string> inputs = node.Inputs.Where((_, input) => node.Op.Reads(input)).Select(Text);
        string name = node.Op.Name switch
        {
            "reshape" or "broadcastLike" => $"{node.Op.Name}{{{string.Join(", ", variable.Shape)}}}",
            var other => other,
        };
        string output = node.Outputs.Count > 1 ? $".{result.Index}" : "";
        return $"{name}({string.Join(", ", inputs)}){output}";
    }
}
