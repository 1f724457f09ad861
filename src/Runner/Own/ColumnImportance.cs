using Engine.Data;
using Engine.Inspection;

namespace Engine.Runner;

/// <summary>
/// The importance of a column: how much a model's first figure, accuracy or R², falls when the column's values are
/// permuted among the samples (permutation importance, L. Breiman, Random Forests, 2001).
/// </summary>
/// <param name="Column">The column.</param>
/// <param name="Loss">By how much the figure falls.</param>
internal sealed record ColumnImportance(string Column, double Loss)
{
    private const int MaxColumns = 200, MaxRows = 5_000, Times = 3;

    /// <summary>Returns the columns' importance, the largest first; empty for pictures and vectors.</summary>
    public static IReadOnlyList<ColumnImportance> Of(Models.Model model, Table test)
    {
        string[] columns = [.. model.Inputs.Transforms.Where(transform => transform is not ScaledPlanes)
            .Select(transform => transform.Column)];
        if (columns.Length is < 2 or > MaxColumns || test.Count < 2)
        {
            return [];
        }

        test = test.Count > MaxRows ? test.Rows([.. Enumerable.Range(0, MaxRows)]) : test;
        double whole = Figure(test);
        return
        [
            .. columns.Select(name => new ColumnImportance(name, whole - Enumerable.Range(1, Times).Average(seed =>
            {
                Column dealt = test[name].Rows(DataSplit.Order(test.Count, seed));
                return Figure(new Table(test.Columns.Select(column => column.Name == name ? dealt : column)));
            }))).OrderByDescending(one => one.Loss),
        ];

        double Figure(Table table) =>
            model.Report(model.Net.PredictProba(model.Prepare(table)), table).Metrics.First().Value;
    }
}
