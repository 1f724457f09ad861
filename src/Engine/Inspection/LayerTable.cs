using System.Globalization;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using Variable = Engine.Graph.Variable;

namespace Engine.Inspection;

/// <summary>
/// Represents the layers of a network with their costs and receptive fields: nolearn's layer information, and more.
/// </summary>
public sealed class LayerTable
{
    private const string Cyan = "\e[36m", Magenta = "\e[35m", Red = "\e[31m", Plain = "\e[0m";

    private LayerTable(IReadOnlyList<LayerInfo> layers) => Layers = layers;

    /// <summary>Gets the layers in order.</summary>
    public IReadOnlyList<LayerInfo> Layers { get; }

    /// <summary>Gets the number of trainable values.</summary>
    public long Parameters => Layers.Sum(layer => layer.Parameters);

    /// <summary>Gets the bytes of all parameters.</summary>
    public long ParameterBytes => Layers.Sum(layer => layer.ParameterBytes);

    /// <summary>Gets the FLOPs of the network for one sample.</summary>
    public long Flops => Layers.Sum(layer => layer.Flops);

    /// <summary>Gets the bytes of all layers' outputs for one sample.</summary>
    public long OutputBytes => Layers.Sum(layer => layer.OutputBytes);

    /// <summary>Gets whether the network takes images, so that its layers have receptive fields.</summary>
    public bool HasFields => Layers[0].Field is not null;

    /// <summary>Gets whether a layer has other inputs than the layer before it.</summary>
    public bool HasBranches => Enumerable.Range(1, Layers.Count - 1)
        .Any(i => !Layers[i].Inputs.SequenceEqual([Layers[i - 1].Name]));

    /// <summary>Gets the headings of the table's columns.</summary>
    public IReadOnlyList<string> Columns =>
    [
        "#", "name", "kind", .. HasBranches ? ["inputs"] : Array.Empty<string>(), "output", "parameters", "FLOPs",
        "memory",
        .. HasFields ? ["field", "cap. %", "cov. %"] : Array.Empty<string>(),
    ];

    /// <summary>Gets the rows of the table, one for each layer: a text for each column.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Rows => [.. Layers.Select(Row)];

    /// <summary>Gets the text below the table: the totals.</summary>
    public string Totals =>
        $"{Parameters.ToString("N0", CultureInfo.InvariantCulture)} learnable parameters; all parameters take "
        + $"{TextTable.Short(ParameterBytes, "B")}; one sample takes {TextTable.Short(Flops)} FLOPs and "
        + $"{TextTable.Short(OutputBytes, "B")} of outputs";

    /// <summary>Gets the warnings that nolearn would give, a sentence for each layer.</summary>
    public IReadOnlyList<string> Warnings =>
    [
        .. Layers.Where(layer => layer.IsCapacityLow || layer.IsCoverageHigh)
            .Select(layer => $"{layer.Name}: {Warning(layer)}"),
    ];

    /// <summary>Analyzes a network, which need not be trained.</summary>
    /// <exception cref="EngineException">The layers do not fit each other.</exception>
    public static LayerTable Of(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        net.Initialize();
        Network network = net.Network;
        Dictionary<Variable, Variable> samples = network.Inputs.ToDictionary(
            input => (Variable)input,
            Variable (input) => new Graph.Input(input.Type with { Shape = input.Shape.With(0, 1) }, input.Name));
        Variable sample = samples[network.Input];
        IReadOnlyList<Variable> outputs = Traversal.Replace([.. network.Layers.Select(layer => layer.Output)], samples);
        IReadOnlyDictionary<Variable, ReceptiveField?>? fields = sample.Rank == 4
            ? ReceptiveField.Of(sample, Traversal.Order(outputs))
            : null;
        ILookup<string, Parameter> parameters = network.Parameters.ToLookup(parameter => parameter.Owner);

        var layers = new List<LayerInfo>();
        var counted = new HashSet<Apply>();
        for (int i = 0; i < outputs.Count; i++)
        {
            NetworkLayer layer = network.Layers[i];
            Shape shape = Shape.Create(outputs[i].Shape.Dimensions[1..]);
            Parameter[] own = [.. parameters[layer.Name]];
            long flops = Traversal.Order([outputs[i]]).Where(counted.Add).Sum(FlopsOf);
            var info = new LayerInfo(
                layer.Name, layer.Layer.Kind, shape,
                own.Where(parameter => parameter.IsTrainable).Sum(parameter => parameter.Variable.Shape.Count),
                own.Sum(parameter => parameter.Variable.Type.Bytes),
                flops, outputs[i].Type.Bytes)
            { Inputs = layer.Inputs };
            layers.Add(fields is null ? info : WithField(
                info, layer.Layer is Engine.Layers.Input ? null : fields.GetValueOrDefault(outputs[i]), sample.Shape));
        }

        return new LayerTable(layers);
    }

    /// <summary>Returns the table as text.</summary>
    public override string ToString() => Print(hasColors: false);

    /// <summary>
    /// Returns the table as text, with the totals below it. In color, names are as in nolearn: magenta if the capacity
    /// is less than a sixth, cyan if the coverage is more than the image, red if both are so.
    /// </summary>
    public string Print(bool hasColors)
    {
        var table = new TextTable(
            [.. Columns.Select(column => column is "name" or "kind" or "inputs" or "output" ? column : $">{column}")]);
        foreach (IReadOnlyList<string> row in Rows)
        {
            table.Add(row);
        }

        string[] lines = $"{table}".Split('\n');
        int first = lines.Length - 1 - Layers.Count;
        for (int i = 0; i < Layers.Count && hasColors; i++)
        {
            if (Color(Layers[i]) is { } color)
            {
                int at = lines[first + i].IndexOf(Layers[i].Name, Rows[i][0].Length, StringComparison.Ordinal);
                lines[first + i] = lines[first + i].Insert(at + Layers[i].Name.Length, Plain).Insert(at, color);
            }
        }

        return $"{string.Join('\n', lines)}\n{Totals}.\n{string.Concat(Warnings.Select(warning => $"{warning}\n"))}";
    }

    private static string Warning(LayerInfo layer) => (layer.IsCapacityLow, layer.IsCoverageHigh) switch
    {
        (true, true) => "capacity too low (< 1/6) and coverage too high (> 100 %).",
        (true, _) => "capacity too low (< 1/6).",
        _ => "coverage of the image too high (> 100 %).",
    };

    private static string? Color(LayerInfo layer) => (layer.IsCapacityLow, layer.IsCoverageHigh) switch
    {
        (true, true) => Red,
        (true, _) => Magenta,
        (_, true) => Cyan,
        _ => null,
    };

    private static LayerInfo WithField(LayerInfo info, ReceptiveField? field, Shape image)
    {
        (int height, int width) = (image[2], image[3]);
        if (field is null)
        {
            return info with
            {
                Field = (height, width),
                FilteredField = (height, width),
                Capacity = (100, 100),
                Coverage = (100, 100),
            };
        }

        (ReceptiveField.Dimension y, ReceptiveField.Dimension x) = (field.Height, field.Width);
        return info with
        {
            Field = (y.Field, x.Field),
            FilteredField = (y.Filtered, x.Filtered),
            Capacity = (100.0 * y.Filter / y.Filtered, 100.0 * x.Filter / x.Filtered),
            Coverage = (100.0 * y.Filtered / height, 100.0 * x.Filtered / width),
        };
    }

    private static long FlopsOf(Apply node) => node.IsView ? 0 : node.Op.Flops(
        [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(output => output.Type)]);

    private IReadOnlyList<string> Row(LayerInfo layer, int index)
    {
        List<string> cells =
        [
            $"{index}", layer.Name, layer.Kind,
            .. HasBranches ? [string.Join(", ", layer.Inputs)] : Array.Empty<string>(),
            string.Join('x', layer.OutputShape),
            layer.Parameters == 0 ? "" : layer.Parameters.ToString("N0", CultureInfo.InvariantCulture),
            layer.Flops == 0 ? "" : TextTable.Short(layer.Flops), TextTable.Short(layer.OutputBytes, "B"),
        ];
        if (layer is { Field: { } field, Capacity: { } capacity, Coverage: { } coverage })
        {
            cells.AddRange([$"{field.Height}x{field.Width}", Percent(capacity), Percent(coverage)]);
        }

        return cells;
    }

    private static string Percent((double Height, double Width) share) => share.Height == share.Width
        ? share.Height.ToString("F1", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{share.Height:F1} x {share.Width:F1}");
}
