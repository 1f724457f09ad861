using System.Globalization;
using System.Text;

namespace Engine.Graph;

/// <summary>Writes graphs as text.</summary>
public static class Printer
{
    /// <summary>
    /// The most levels that are indented; deeper levels begin with their number, which keeps the text short.
    /// </summary>
    private const int MaxIndented = 40;

    /// <summary>
    /// Returns the applications in the order in which they run, as Theano prints a function's <c>toposort()</c>: each
    /// with its inputs. Leaves appear by name or type, results as the op that makes them: <c>[exp(&lt;float32
    /// (230400)&gt;)]</c>.
    /// </summary>
    public static string Toposort(IEnumerable<Apply> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        return $"[{string.Join(", ", nodes.Select(node => $"{node.Op.Name}({string.Join(", ", node.Inputs.Select(Short))})"))}]";
    }

    /// <summary>
    /// Returns the expression as a tree: one op on each line with its type, and its inputs indented below it. A
    /// repeated op appears as its number. Below 40 levels, a number replaces the indentation.
    /// </summary>
    public static string Tree(params ReadOnlySpan<Variable> outputs)
    {
        var text = new StringBuilder();
        var numbers = new Dictionary<Apply, int>();
        var stack = new Stack<(Variable Variable, int Depth)>();
        for (int i = outputs.Length - 1; i >= 0; i--)
        {
            stack.Push((outputs[i], 0));
        }

        while (stack.TryPop(out (Variable Variable, int Depth) top))
        {
            text.Append(Indentation("  ", top.Depth));
            if (top.Variable is not Result result)
            {
                text.Append(CultureInfo.InvariantCulture, $"{Leaf(top.Variable)}\n");
                continue;
            }

            bool isNew = numbers.TryAdd(result.Owner, numbers.Count + 1);
            string name = result.Name is null ? "" : $" '{result.Name}'";
            text.Append(CultureInfo.InvariantCulture,
                $"{result.Owner.Op.Name}.{result.Index} "
                + $"#{numbers[result.Owner]}{name} {result.Type}{(isNew ? "" : " …")}\n");
            for (int i = result.Owner.Inputs.Count - 1; isNew && i >= 0; i--)
            {
                stack.Push((result.Owner.Inputs[i], top.Depth + 1));
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// Returns named expressions as trees, as Theano's <c>debugprint</c> does: one op on each line with its id and its
    /// type, and its inputs below it behind bars. A repeated op appears only as its id. Below 40 levels, a number
    /// replaces the bars.
    /// </summary>
    public static string DebugPrint(params IReadOnlyList<(string Name, Variable Variable)> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        var text = new StringBuilder();
        var ids = new Dictionary<object, string>(ReferenceEqualityComparer.Instance);
        foreach ((string name, Variable root) in roots)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}\n");
            var stack = new Stack<(Variable Variable, int Depth)>([(root, 0)]);
            while (stack.TryPop(out (Variable Variable, int Depth) top))
            {
                object identity = top.Variable is Result result ? result.Owner : top.Variable;
                bool isNew = ids.TryAdd(identity, Letters(ids.Count));
                string what = top.Variable is Result made
                    ? made.Owner.Op.Name + (made.Owner.Outputs.Count > 1 ? $".{made.Index}" : "")
                    : Short(top.Variable);
                string variableName = top.Variable is Result { Name: { } own } ? $" '{own}'" : "";
                text.Append(CultureInfo.InvariantCulture,
                    $" {Indentation("| ", top.Depth)}|{what} [id {ids[identity]}] "
                    + $"<{top.Variable.Type}>{variableName}\n");
                IReadOnlyList<Variable> inputs = isNew && top.Variable is Result next ? next.Owner.Inputs : [];
                for (int i = inputs.Count - 1; i >= 0; i--)
                {
                    stack.Push((inputs[i], top.Depth + 1));
                }
            }
        }

        return text.ToString();
    }

    private static string Indentation(string level, int depth) => depth <= MaxIndented
        ? string.Concat(Enumerable.Repeat(level, depth))
        : string.Create(CultureInfo.InvariantCulture, $"{Indentation(level, MaxIndented)}… {depth} ");

    /// <summary>A, B … Z, AA, AB …</summary>
    private static string Letters(int number) =>
        (number < 26 ? "" : Letters((number / 26) - 1)) + (char)('A' + (number % 26));

    private static string Short(Variable variable) => variable switch
    {
        Result result => result.ToString(),
        { Name: { } name } => name,
        Constant { Rank: 0 } => variable.ToString(),
        _ => $"<{variable.Type}>",
    };

    private static string Leaf(Variable variable) => variable switch
    {
        { Name: { } name } => $"'{name}' {variable.Type}",
        Constant { Rank: 0 } => variable.ToString(),
        _ => $"<{variable.Type}>",
    };
}
