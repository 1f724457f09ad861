using Engine.Graph;

namespace Engine.Compile;

public sealed partial class Function
{
    private Plan LastPlan
    {
        get
        {
            if (LatestPlan is { } plan)
            {
                return plan;
            }

            ThrowIfDisposed();
            throw new EngineException(
                "The function has no plan to show yet: call it, or Prepare it for arguments of some shapes.");
        }
    }

    /// <summary>
    /// Returns what was built for the arguments of the last call, as a table: the graph, the steps, the memory or the
    /// launches.
    /// </summary>
    /// <exception cref="EngineException">The function has no plan yet.</exception>
    /// <exception cref="ObjectDisposedException">The function was disposed of.</exception>
    public string Print(Stage stage = Stage.Kernels) => new Explanation(LastPlan, Device).Print(stage);

    /// <summary>
    /// Returns the graph as trees: each output and each update, with the ops that it depends on below it, and their
    /// types and ids. It shows the most recent plan, or the graph as written if there is no plan yet.
    /// </summary>
    public string DebugPrint() => Printer.DebugPrint(Roots());

    /// <summary>
    /// Returns the graph for Graphviz (<c>dot -Tsvg</c>): a box for each op, in a frame for each layer. It shows the
    /// most recent plan, or the graph as written if there is no plan yet.
    /// </summary>
    public string ToDot() => DotPrinter.Print(Roots());

    /// <summary>
    /// Returns the inputs and the outputs: <c>function (x float32 (?, 4)) -> (softmax.0 float32 (?, 3)) on cpu</c>.
    /// </summary>
    public override string ToString()
    {
        string updates = _graph.Updates.Count == 0
            ? ""
            : $" with updates of {string.Join(", ", _graph.Updates.Select(update => update.Target))}";
        return $"function ({List(Inputs)}) -> ({List(Outputs)}){updates} on {Device}";

        static string List(IEnumerable<Variable> variables) => string.Join(", ", variables.Select(variable =>
            variable.ToString() == variable.Type.ToString() ? $"{variable}" : $"{variable} {variable.Type}"));
    }

    private (string Name, Variable Variable)[] Roots()
    {
        FunctionGraph graph = LatestPlan?.Graph ?? _graph;
        return
        [
            .. graph.Outputs.Select((output, i) => ($"output {i}", output)),
            .. graph.Updates.Select(update => ($"new {update.Target}", update.Value)),
        ];
    }
}
