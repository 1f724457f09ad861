using Engine.Graph;

namespace Engine.Compile;

public sealed partial class Function
{
    private Plan LastPlan => _plans.Count > 0 ? _plans[0] : throw new EngineException(
        "The function has no plan to show yet: call it, or Prepare it for arguments of some shapes.");

    /// <summary>
    /// What was built for the arguments of the last call, as a table: the graph, the steps, the memory or the launches.
    /// </summary>
    /// <exception cref="EngineException">The function has no plan yet.</exception>
    public string Print(Stage stage = Stage.Kernels)
    {
        lock (_lock)
        {
            return new Explanation(LastPlan, Device).Print(stage);
        }
    }

    /// <summary>
    /// What is computed, as trees: each output and each update with the ops that it depends on below it, with their
    /// types and ids. Of the plan used last, or before there is one, as it was written.
    /// </summary>
    public string DebugPrint() => Printer.DebugPrint(Roots());

    /// <summary>
    /// What is computed, as a graph for Graphviz (<c>dot -Tsvg</c>): a box for each op, in a frame for each layer. Of
    /// the plan used last, or before there is one, as it was written.
    /// </summary>
    public string ToDot() => DotPrinter.Print(Roots());

    private (string Name, Variable Variable)[] Roots()
    {
        FunctionGraph graph = _plans.Count > 0 ? _plans[0].Graph : _graph;
        return
        [
            .. graph.Outputs.Select((output, i) => ($"output {i}", output)),
            .. graph.Updates.Select(update => ($"new {update.Target}", update.Value)),
        ];
    }
}
