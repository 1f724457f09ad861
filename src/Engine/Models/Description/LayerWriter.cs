using System.Globalization;
using System.Reflection;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;

namespace Engine.Models.Description;

/// <summary>Describes layers and update rules from C# in the format of network files.</summary>
internal static class LayerWriter
{
    /// <summary>Returns a layer's description.</summary>
    /// <param name="name">Its name in the network.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">The names of its input layers; null for the layer before it.</param>
    /// <exception cref="EngineException">It has no kind, or a property that a description cannot express.</exception>
    public static LayerDescription Describe(string name, Layer layer, IReadOnlyList<string>? inputs = null)
    {
        (string kind, (string Key, string? Text)[] words) = Words(name, layer);
        LayerKind found = LayerKind.All.Single(known => known.Name == kind);
        var given = new List<KeyValuePair<string, object>>();
        foreach ((string key, string? text) in layer is Layers.Input ? words : [.. words, .. OfParameters(layer)])
        {
            Setting setting = found.Settings.Single(setting => setting.Name == key);
            object? value = text is null ? null : setting.Parse(text) ?? throw new EngineException(
                $"{key} of the layer '{name}', a {layer.Kind}, is {text}, for which a model file has no words: "
                + $"it must be {setting.Rule}.");
            if (value is not null && !value.Equals(setting.Default))
            {
                given.Add(KeyValuePair.Create(key, value));
            }
        }

        foreach ((string key, IReadOnlyList<Layer> inner) in ContainerKinds.Of(layer))
        {
            given.Add(KeyValuePair.Create(key, (object)(LayerDescription[])
                [.. inner.Select(
                    each => Describe($"{name}.{each.Name ?? each.Kind}", each) with { Name = each.Name })]));
        }

        var described =
            new LayerDescription(name, found, new Settings(given, found.Settings), Line: 0) { Inputs = inputs };
        if (LayerKind.BuiltIn.Contains(found) && layer is not Layers.Input)
        {
            RequireAlike(name, layer, found.Make(described.Settings, layer.Origin));
        }

        return described;
    }

    /// <summary>Refuses a layer with a property that its description does not contain.</summary>
    private static void RequireAlike(string name, Layer layer, Layer told)
    {
        foreach (PropertyInfo property in layer.GetType().GetProperties()
            .Where(property => property.Name is not (nameof(Layer.Name) or nameof(Layer.Origin))))
        {
            (object? has, object? says) = (property.GetValue(layer), property.GetValue(told));
            bool isAlike = (has, says) switch
            {
                // The initializers of saved parameters are not part of the description.
                _ when property.PropertyType == typeof(Initializer) => has is null == says is null,
                (Func<Variable, Variable> one, Func<Variable, Variable> other) when Ops.Symbolic.Matrix("x") is var x =>
                    IsSame(one(x), other(x)),
                (Delegate, Delegate) => true,
                (IEnumerable<double> one, IEnumerable<double> other) => one.SequenceEqual(other),

                // Inner layers are described, and compared, one by one.
                (Layer or IEnumerable<Layer>, Layer or IEnumerable<Layer>) => true,
                _ => Equals(has, says),
            };
            if (!isAlike)
            {
                throw new EngineException(
                    $"{property.Name} of the layer '{name}', a {layer.Kind}, is {has ?? "null"}, "
                    + "for which a model file has no words.");
            }
        }
    }

    /// <summary>
    /// Returns an update rule's description, or the default rule's if a description cannot express it.
    /// </summary>
    public static (UpdateKind Kind, Settings Settings) Describe(UpdateRule rule)
    {
        UpdateKind kind = UpdateKind.All.FirstOrDefault(known => IsSame(known.Name, rule.GetType().Name))
            ?? UpdateKind.All[0];
        return (kind, new Settings(
            [.. from setting in kind.Settings
                from property in rule.GetType().GetProperties()
                where IsSame(setting.Name, property.Name) && property.PropertyType == typeof(float)
                select KeyValuePair.Create(setting.Name, setting.Parse(Text((float)property.GetValue(rule)!))!)],
            [.. kind.Settings, ScheduleKind.Named]));
    }

    private static (string Kind, (string, string?)[] Words) Words(string name, Layer layer) => layer switch
    {
        Layers.Input input =>
            ("input", [("shape", string.Join('x', input.Dimensions)), ("integers", $"{input.DType == DType.Int32}")]),
        Conv2D conv => ("conv2d",
        [
            ("filters", Text(conv.Filters)), ("size", $"{conv.Size}"),
            ("stride", conv.Stride == 1 ? null : $"{conv.Stride}"),
            ("pad", conv.Pad == (Padding)0 ? null : $"{conv.Pad}"),
            ("dilation", conv.Dilation == 1 ? null : $"{conv.Dilation}"),
            ("groups", Text(conv.Groups)), ("flip_filters", $"{conv.FlipFilters}"),
            ("untie_biases", $"{conv.UntieBiases}"),
            .. Weights(name, conv.Nonlinearity, conv.W, conv.B),
        ]),
        Pool2D pool => (pool is MaxPool2D ? "max_pool2d" : "average_pool2d",
        [
            ("size", $"{pool.Size}"), ("stride", pool.Stride is { } stride ? $"{stride}" : null),
            ("pad", pool.Pad == default ? null : $"{pool.Pad}"), ("ignore_border", $"{pool.IgnoreBorder}"),
        ]),
        Dense dense =>
            ("dense", [("units", Text(dense.Units)), ("leading_axes", Text(dense.LeadingAxes)),
                .. Weights(name, dense.Nonlinearity, dense.W, dense.B)]),
        Dropout dropout => ("dropout", [("p", Text(dropout.P))]),
        BatchNorm norm =>
            ("batch_norm",
                [("epsilon", norm.OwnEpsilon is { } epsilon ? Text(epsilon) : null), ("alpha", Text(norm.Alpha)),
                    ("gamma", $"{norm.Gamma is not null}"), ("beta", $"{norm.Beta is not null}")]),
        Activation activation => ("activation", [("nonlinearity", Nonlinearity(name, activation.Nonlinearity))]),
        Flatten => ("flatten", []),
        Layers.Reshape reshape => ("reshape", [("shape", string.Join('x', reshape.Dimensions))]),
        GlobalPool pool => ("global_pool", [("function", Pool(name, pool))]),
        FeaturePool pool when Ops.Symbolic.Matrix("x") is var x
            && !IsSame(pool.Function(x, 1), Ops.Symbolic.Max(x, [1])) => throw new EngineException(
            $"The function of '{name}', a FeaturePool, is none that a model file has a name for, "
            + "which is the largest."),
        _ when LayerKind.BuiltIn.FirstOrDefault(kind => IsSame(kind.Name, layer.Kind)) is { } kind =>
            (kind.Name,
                [.. kind.Own.Where(setting => !setting.HoldsLayers)
                    .Select(setting => (setting.Name, Of(name, layer, setting)))]),
        _ => CustomLayers.KindOf(layer) is { } own
            ? (own.Kind, [(CustomLayers.SettingsKey, own.Settings)])
            : throw new EngineException(
                $"The layer '{name}' is a {layer.GetType().Name}, for which a model file has no name: give it one with "
                + $"CustomLayers.Register<{layer.GetType().Name}>(\"…\", …)."),
    };

    /// <summary>Returns the value of the layer's property with a setting's name.</summary>
    private static string? Of(string name, Layer layer, Setting setting)
    {
        object? Property(string called) =>
            layer.GetType().GetProperties().Single(property => IsSame(called, property.Name)).GetValue(layer);
        if (setting.Name is "weights" or "gain" or "bias")
        {
            return Begin((Initializer)Property("w")!, (Initializer?)Property("b"))
                .Single(word => word.Key == setting.Name).Text;
        }

        if (setting.Name is "learns_start")
        {
            return $"{Property("start") is not null}";
        }

        return Property(setting.Name) switch
        {
            Initializer or null when setting.Default is bool => $"{Property(setting.Name) is not null}",
            null => null,
            IReadOnlyList<double> numbers => numbers.Count == 0
                ? null
                : string.Join(',', numbers.Select(number => Text(number))),

            // Default values are left out.
            Size2D size when !setting.IsRequired && size == (setting.Name is "pad" or "extra" ? 0 : 1) => null,
            Padding pad when pad == (Padding)0 => null,
            Shape dimensions when !setting.IsRequired
                && dimensions.All(dimension => dimension == (setting.Name == "pad" ? 0 : 1)) => null,
            Shape dimensions => string.Join('x', dimensions),
            Func<Variable, Variable> function => Nonlinearity(name, function),
            Full filled => Text(filled.Value),
            IFormattable number => Text(number),
            bool or Size2D or Padding => $"{Property(setting.Name)}",
            object value => throw new EngineException(
                $"{setting.Name} of the layer '{name}' is {value}, for which a model file has no words: "
                + "it begins with one number."),
        };
    }

    private static string Pool(string name, GlobalPool pool)
    {
        Variable x = Ops.Symbolic.Matrix("x"), made = pool.Function(x, [1]);
        return MoreLayerKinds.Pools.FirstOrDefault(known => IsSame(known.Value(x, [1]), made)).Key
            ?? throw new EngineException(
            $"The function of '{name}', a GlobalPool, is none that a model file has a name for: "
            + $"{string.Join(", ", MoreLayerKinds.Pools.Keys)}.");
    }

    private static (string, string?)[] Weights(
        string name, Func<Variable, Variable> nonlinearity, Initializer w, Initializer? b) =>
        [("nonlinearity", Nonlinearity(name, nonlinearity)), .. Begin(w, b)];

    /// <summary>Describes the initializers of weights and biases.</summary>
    private static (string Key, string? Text)[] Begin(Initializer w, Initializer? b)
    {
        string? weights = LayerKind.Initializers.FirstOrDefault(known => known.Value(1).GetType() == w.GetType()).Key;
        object? gain = w.GetType().GetProperty("Gain")?.GetValue(w);
        return
        [
            ("weights", weights), ("gain", weights is null || gain is null ? null : Text((double)gain)),
            ("bias", $"{b is not null}"),
        ];
    }

    private static (string, string?)[] OfParameters(Layer layer) =>
    [
        ("l1", layer.L1 is { } l1 ? Text(l1) : null), ("l2", layer.L2 is { } l2 ? Text(l2) : null),
        ("is_trainable", $"{layer.IsTrainable}"), ("rate_factor", layer.RateFactor is { } factor ? Text(factor) : null),
    ];

    /// <summary>Returns the name of a function: the nonlinearity that builds the same graph.</summary>
    private static string Nonlinearity(string name, Func<Variable, Variable> function)
    {
        Variable x = Ops.Symbolic.Matrix("x"), made = function(x);
        return LayerKind.Nonlinearities.FirstOrDefault(known => IsSame(known.Value(x), made)).Key
            ?? WithNumber(x, made) ?? throw new EngineException(
            $"The nonlinearity of the layer '{name}' is a function that a model file has no name for: use one of "
            + $"{string.Join(", ", LayerKind.Nonlinearities.Keys)}, or a layer of your own with "
            + "CustomLayers.Register.");
    }

    /// <summary>Returns the name of a nonlinearity with a number, which is one of the graph's constants.</summary>
    private static string? WithNumber(Variable x, Variable made)
    {
        foreach (Constant constant in Traversal.Order([made]).SelectMany(node => node.Inputs).OfType<Constant>()
            .Where(constant => constant.Value.Shape.Count == 1))
        {
            double number = NdArray.From(constant.Value).Data[0];
            string text = constant.DType == DType.Float32 ? Text((float)number) : Text(number);
            foreach ((string name, Func<Variable, double, Variable> function) in LayerKind.WithNumber)
            {
                if (IsSame(function(x, double.Parse(text, CultureInfo.InvariantCulture)), made))
                {
                    return $"{name}({text})";
                }
            }
        }

        return null;
    }

    private static bool IsSame(Variable a, Variable b) => ReferenceEquals(a, b)
        || (a is Constant first && b is Constant second && first.Value.Shape == second.Value.Shape
            && first.Value.Bytes.SequenceEqual(second.Value.Bytes))
        || (a is Result one && b is Result other && one.Index == other.Index && one.Owner.Op.Equals(other.Owner.Op)
            && one.Owner.Inputs.Count == other.Owner.Inputs.Count
            && one.Owner.Inputs.Zip(other.Owner.Inputs).All(pair => IsSame(pair.First, pair.Second)));

    private static bool IsSame(string snake, string pascal) =>
        snake.Replace("_", "", StringComparison.Ordinal).Equals(pascal, StringComparison.OrdinalIgnoreCase);

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
