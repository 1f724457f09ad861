using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.IO;
using Engine.Models.Description;
using Engine.Training;

namespace Engine.Models;

/// <summary>
/// Represents a network with what prepares its samples and what its outputs mean: it takes tables of one's own, gives
/// names of classes or values in their own unit, and is one file. Any number of threads may predict with one model.
/// </summary>
public sealed partial class Model : IDisposable
{
    internal const string NetworkKey = "network", InputsKey = "inputs", TargetKey = "target", MetricsKey = "metrics", AboutKey = "about";

    /// <summary>
    /// How many numbers are prepared at a time to validate and predict with: of large samples more would take as much memory as
    /// the training, and what is more than a batch is copied once more, batch by batch.
    /// </summary>
    private const int MaxNumbers = 1 << 20;

    /// <summary>Creates a model of a network that was made in C#.</summary>
    /// <param name="net">The network, which the model then owns.</param>
    /// <param name="inputs">What prepares its samples.</param>
    /// <param name="target">What its outputs mean.</param>
    /// <exception cref="EngineException">They do not fit each other, or the network has a layer that files have no name for.</exception>
    public Model(NeuralNet net, Preparation inputs, Target target) : this(net, Describe(net), inputs, target)
    {
    }

    /// <summary>A model of a network that was made of a description.</summary>
    internal Model(NeuralNet net, NetworkDescription network, Preparation inputs, Target target)
    {
        (Net, Network, Inputs, Target) = (net, network, inputs, target);
        net.Initialize();
        Shape takes = [.. net.Network.Input.Shape.Skip(1)], gives = net.Layers[^1].OutputShape;
        if (takes.Count != inputs.Sides.Count)
        {
            throw new EngineException(
                $"The network takes {string.Join('x', takes)} numbers a sample, and its samples have {string.Join('x', inputs.Sides)}.");
        }

        int outputs = net.Regression ? (int)gives.Product(1, gives.Rank) : net.Classes;
        if (net.Regression != target is ValueTarget || outputs != target.Outputs)
        {
            throw new EngineException(
                $"The network gives {outputs} {(net.Regression ? "values" : "classes")} a sample, and '{target.Column}' has {target.Outputs} "
                + (target is ValueTarget
                    ? "value: end with new Dense(1, Linear), and set Regression."
                    : $"classes: end with new Dense({target.Outputs}, Softmax)."));
        }
    }

    /// <summary>Gets the network.</summary>
    public NeuralNet Net { get; }

    /// <summary>Gets what prepares its samples.</summary>
    public Preparation Inputs { get; }

    /// <summary>Gets what its outputs mean.</summary>
    public Target Target { get; }

    /// <summary>Gets the names of the classes; empty where values are predicted.</summary>
    public IReadOnlyList<string> Classes => Target is ClassTarget target ? target.Classes : [];

    /// <summary>Gets the figures of its last test, by name.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; private set; } = new Dictionary<string, double>();

    /// <summary>Gets or sets what else the file says: the data, the time of training, the version of Engine.</summary>
    public IReadOnlyDictionary<string, string> About { get; init; } = new Dictionary<string, string>();

    /// <summary>The network's description.</summary>
    internal NetworkDescription Network { get; }

    /// <summary>Fits a preparation to the samples that train, and a network to them.</summary>
    /// <param name="data">The data.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the training early; the model keeps what it has learned.</param>
    /// <exception cref="EngineException">Nothing can be learned from the data; the message says why.</exception>
    public static Model Train(DataSet data, ModelOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options ??= new ModelOptions();
        Table train = data.Train.Shuffled(options.Seed);
        Preparation inputs = Preparation.Fit(train, data.Target);
        Target target = Target.Fit(train[data.Target], options.AreValues);
        string name = options.Network ?? OwnNetworks.DefaultFor(inputs);
        NetworkDescription network = OwnNetworks.Fill(
            OwnNetworks.Names.Contains(name) ? OwnNetworks.Find(name) : DescriptionReader.Read(name), inputs, target);
        network = network with
        {
            Epochs = options.Epochs ?? network.Epochs,
            Seed = options.Seed,
            Data = network.Data with { Validation = options.Validation ?? network.Data.Validation },
            Patience = options.Validation == 0 ? null : network.Patience,
        };
        NeuralNet net = Make(network, target, options.Device);
        try
        {
            net.Verbose = options.Verbose;
            var model = new Model(net, network, inputs, target) { About = AboutOf(data.Name) };
            model.Fit(train, options.BalanceClasses, options.IsStreamed, cancellationToken);
            return model;
        }
        catch
        {
            net.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Trains the network on samples: all prepared at once, or each when it is due, by other threads. Both give the same bits on one
    /// device.
    /// </summary>
    /// <param name="train">The samples to train on, of which <see cref="NeuralNet.TrainSplit"/> sets some apart.</param>
    /// <param name="isBalanced">Whether each class counts as much as any other.</param>
    /// <param name="isStreamed">
    /// Whether each is prepared when it is due; null for whether they are read from a file or would fill half of the memory.
    /// </param>
    /// <param name="cancellationToken">Ends the training.</param>
    internal void Fit(Table train, bool isBalanced, bool? isStreamed, CancellationToken cancellationToken)
    {
        int most = (int)Math.Max(MaxNumbers / Inputs.Sides.Count, 1);
        if (Net.BatchIteratorTest is { Transform: null } tested && tested.BatchSize > most)
        {
            Net.BatchIteratorTest = new BatchIterator(most) { Augmentation = tested.Augmentation, ReadAhead = tested.ReadAhead };
        }

        Tensor labels = Target.Apply(train[Target.Column]);
        if (isBalanced && Target is ClassTarget)
        {
            Net.ClassWeights = ClassWeights.Balanced(labels.AsSpan<int>(), Target.Outputs);
        }

        if (!(isStreamed ?? IsTooLarge(train)))
        {
            Net.Fit(Inputs.Apply(train), labels, cancellationToken);
            return;
        }

        (int[] rows, int[] validation) = Net.TrainSplit.Split(train.Count, Target is ClassTarget ? labels.AsSpan<int>().ToArray() : null);
        var buffers = new BatchBuffers();
        Net.Fit(
            new TableSource(train.Rows(rows), Inputs, Target) { Buffers = buffers },
            validation.Length == 0 ? null : new TableSource(train.Rows(validation), Inputs, Target) { Buffers = buffers }, cancellationToken);
        // Samples that are large enough for this make a step large too, and the test that comes next needs memory of its own.
        Net.FreeTraining();
    }

    /// <summary>Whether samples are better prepared when they are due.</summary>
    internal bool IsTooLarge(Table table) => table.Columns.Any(column => column is StoredColumn)
        || (double)table.Count * Inputs.Sides.Count * sizeof(float) > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2.0
        || (double)table.Count * Inputs.Sides.Count > Shape.MaxElements;

    /// <summary>What the network gives of samples, which are prepared some at a time.</summary>
    internal Tensor Output(Table samples)
    {
        int batch = Net.BatchIteratorTest.BatchSize, width = (int)Inputs.Sides.Count, some = Math.Max(MaxNumbers / width / batch, 1) * batch;
        if (samples.Count <= some)
        {
            return Net.PredictProba(Prepare(samples));
        }

        var buffers = new BatchBuffers();
        return Tensor.Joined([.. Enumerable.Range(0, samples.Count).Chunk(some).Select(rows =>
        {
            float[] buffer = buffers.Take(rows.Length * width);
            Tensor output = Net.PredictProba(Prepare(samples.Rows(rows), buffer));
            buffers.Give(buffer);
            return output;
        })]);
    }

    /// <summary>Returns what is predicted of each sample.</summary>
    /// <exception cref="EngineException">A column that the model was trained with is missing, or a value is none.</exception>
    public IReadOnlyList<Prediction> Predict(Table samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        Tensor output = Output(samples).Cast(DType.Float64);
        ReadOnlySpan<double> values = output.AsSpan<double>();
        int width = Target.Outputs;
        var predictions = new Prediction[output.Shape[0]];
        for (int row = 0; row < predictions.Length; row++)
        {
            predictions[row] = Target is ValueTarget target
                ? new Prediction([], target.Inverse(values[row]))
                : new Prediction(Sorted(values.Slice(row * width, width)), double.NaN);
        }

        return predictions;
    }

    /// <summary>
    /// Returns what is predicted of one sample, given its values by name: texts and numbers, null for what is missing.
    /// </summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictOne(IEnumerable<KeyValuePair<string, object?>> values) => Predict(Table.Row(values))[0];

    /// <summary>Returns what is predicted of one sample: a record with a property for each column.</summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictRecord<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(T record)
        where T : class => Predict(Table.Of([record]))[0];

    /// <summary>Returns what is predicted of the one row of a table.</summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictOne(Table sample) => Predict(sample) is [var only] ? only : throw new EngineException(
        $"The table has {sample.Count} rows, and one is wanted: call Predict.");

    /// <summary>
    /// Tries it on samples of which the target is known: a <see cref="ClassificationReport"/> or <see cref="RegressionReport"/>,
    /// whose figures the model keeps.
    /// </summary>
    /// <inheritdoc cref="Predict"/>
    public TestReport Test(Table samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return Test(samples, out _);
    }

    /// <summary>The same, with what the network gives of the samples.</summary>
    internal TestReport Test(Table samples, out Tensor output)
    {
        output = Output(samples);
        TestReport report = Report(output, samples);
        Metrics = report.Metrics;
        return report;
    }

    /// <summary>Writes all of it to one file, in the format safetensors; a former file is replaced only by a whole one.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public void Save(string path) => Parameters.Save(path, Net.GetParameters(), Metadata);

    /// <summary>
    /// Writes it as an ONNX file that takes what the model takes: an input for each column, float32 (n, 1) with nan for what is
    /// missing, of words string (n, 1) with an empty one for what is missing, of pictures float32
    /// (n, channels, height, width) with the bytes' values from 0 to 255. It gives the probability of each class, (n, classes), or the
    /// values in their own unit, (n, 1), under the target's name.
    /// </summary>
    /// <exception cref="EngineException">ONNX has no such op as one of a layer's, or the file cannot be written.</exception>
    public void ExportOnnx(string path) => ModelOnnx.Export(this, path);

    /// <summary>Reads a model from a file, which needs no description; it may come from a stranger.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where it is to run; null for the default device.</param>
    /// <exception cref="EngineException">It is no model, or damaged.</exception>
    public static Model Load(string path, Device? device = null) => Load(Parameters.LoadAll(path), path, device);

    /// <summary>Makes the model of what a file holds.</summary>
    internal static Model Load(SafetensorsFile file, string path, Device? device, DType floatX = DType.Float32)
    {
        if (!IsModel(file))
        {
            throw new EngineException(
                $"{path} holds parameters, and not what prepares a model's samples: make the network in C# and call LoadParameters, or "
                + "train anew and save a model.");
        }

        NetworkDescription network = DescriptionReader.Parse(file.Metadata[NetworkKey], $"{path} (its network.json)");
        Preparation inputs = DataJson.Read(file.Metadata[InputsKey], DataJson.Default.Preparation, path);
        Target target = DataJson.Read(file.Metadata[TargetKey], DataJson.Default.Target, path);
        NeuralNet net = Make(network, target, device, floatX);
        try
        {
            net.SetParameters(file.Tensors);
            return new Model(net, network, inputs, target)
            {
                Metrics = file.Metadata.TryGetValue(MetricsKey, out string? metrics)
                    ? DataJson.Read(metrics, DataJson.Default.DictionaryStringDouble, path) : [],
                About = file.Metadata.TryGetValue(AboutKey, out string? about)
                    ? DataJson.Read(about, DataJson.Default.DictionaryStringString, path) : [],
            };
        }
        catch (EngineException error)
        {
            net.Dispose();
            throw new EngineException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Whether a file says what prepares its samples.</summary>
    internal static bool IsModel(SafetensorsFile file) =>
        new[] { NetworkKey, InputsKey, TargetKey }.All(file.Metadata.ContainsKey);

    /// <summary>What stands in the file beside the parameters.</summary>
    internal IReadOnlyDictionary<string, string> Metadata => new OrderedDictionary<string, string>
    {
        [NetworkKey] = Network.ToJson(),
        [InputsKey] = JsonSerializer.Serialize(Inputs, DataJson.Default.Preparation),
        [TargetKey] = JsonSerializer.Serialize(Target, DataJson.Default.Target),
        [MetricsKey] = JsonSerializer.Serialize(
            Metrics.Where(pair => double.IsFinite(pair.Value)).ToDictionary(), DataJson.Default.DictionaryStringDouble),
        [AboutKey] = JsonSerializer.Serialize(About.ToDictionary(), DataJson.Default.DictionaryStringString),
    };

    /// <summary>What a file says of where a model comes from.</summary>
    internal static Dictionary<string, string> AboutOf(string data) => new()
    {
        ["data"] = data,
        ["trained"] = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", System.Globalization.CultureInfo.InvariantCulture),
        ["engine"] = typeof(Model).Assembly.GetName().Version?.ToString(3) ?? "",
    };

    /// <summary>The samples as the network takes them.</summary>
    internal Tensor Prepare(Table samples, float[]? buffer = null)
    {
        Tensor prepared = Inputs.Apply(samples, buffer);
        return prepared.Reshape([prepared.Shape[0], .. Net.Network.Input.Shape.Skip(1)]);
    }

    /// <summary>How good what the network gives of samples is.</summary>
    internal TestReport Report(Tensor output, Table samples) => Target is ValueTarget target
        ? new RegressionReport(
            ((NumberColumn)samples[target.Column]).Values,
            [.. output.Cast(DType.Float64).AsSpan<double>().ToArray().Select(target.Inverse)])
        : new ClassificationReport(Classes, Target.Apply(samples[Target.Column]).AsSpan<int>(), output);

    /// <summary>Frees what the network holds.</summary>
    public void Dispose() => Net.Dispose();

    /// <summary>A network as it is described, not trained yet.</summary>
    private static NeuralNet Make(NetworkDescription network, Target target, Device? device, DType floatX = DType.Float32) =>
        new(network.MakeOutput())
        {
            Regression = target is ValueTarget,
            Update = network.MakeUpdate(),
            MaxEpochs = network.Epochs,
            TrainSplit = new TrainSplit(network.Data.Validation),
            L1 = network.L1,
            L2 = network.L2,
            BatchIteratorTrain = network.MakeBatches(),
            Seed = (ulong)network.Seed,
            Device = device,
            FloatX = floatX,
            Callbacks = [.. network.MakeCallbacks()],
        };

    private static NetworkDescription Describe(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        net.Initialize();
        (UpdateKind update, Settings settings) = LayerWriter.Describe(net.Update);
        if (net.Network.Inputs.Count > 1 || net.Network.Outputs.Count > 1)
        {
            throw new EngineException(
                "A model file is of a network of one input and one output, with what prepares its samples: save others, without that, by "
                + "net.Network.SaveNetwork(path).");
        }

        return NetworkDescription.Of(net.Network) with
        {
            Update = update,
            UpdateSettings = settings,
            Epochs = net.MaxEpochs,
            Batch = net.BatchIteratorTrain.BatchSize,
            Seed = (int)Math.Min(net.Seed, int.MaxValue),
            L1 = net.L1,
            L2 = net.L2,
            Data = new DataDescription(Validation: net.TrainSplit.EvalSize, Shuffle: net.BatchIteratorTrain.Shuffle),
        };
    }

    private ClassProbability[] Sorted(ReadOnlySpan<double> row)
    {
        var classes = new ClassProbability[row.Length];
        for (int c = 0; c < classes.Length; c++)
        {
            classes[c] = new ClassProbability(Classes[c], row[c]);
        }

        Array.Sort(classes, (a, b) => b.Probability.CompareTo(a.Probability));
        return classes;
    }
}

/// <summary>Whole models of networks that were made in C#.</summary>
public static class NeuralNetModels
{
    /// <summary>Writes a network with what prepares its samples and what its outputs mean to one file.</summary>
    /// <param name="net">The network.</param>
    /// <param name="path">The file, which <see cref="Model.Load(string, Device?)"/> reads.</param>
    /// <param name="inputs">What prepares its samples.</param>
    /// <param name="target">What its outputs mean.</param>
    /// <exception cref="EngineException">They do not fit each other, or the file cannot be written.</exception>
    public static void SaveModel(this NeuralNet net, string path, Preparation inputs, Target target) =>
        new Model(net, inputs, target).Save(path);
}
