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
/// Represents a network with the preparation of its samples and the meaning of its outputs. It takes tables of raw
/// data, predicts names of classes or values in their own unit, and is saved as one file. Any number of threads may
/// predict with one model.
/// </summary>
public sealed partial class Model : IDisposable
{
    internal const string NetworkKey = "network", InputsKey = "inputs", TargetKey = "target", MetricsKey = "metrics",
        AboutKey = "about";

    /// <summary>
    /// The number of values to prepare at a time for validation and prediction. With large samples, more would take as
    /// much memory as the training, and more than a batch would be copied again, batch by batch.
    /// </summary>
    private const int MaxNumbers = 1 << 20;

    /// <summary>Creates a model from a network that was built in C#.</summary>
    /// <param name="net">The network. The model owns it from now on.</param>
    /// <param name="inputs">The preparation of its samples.</param>
    /// <param name="target">The meaning of its outputs.</param>
    /// <exception cref="EngineException">
    /// They do not fit each other, or files cannot describe a layer of the network.
    /// </exception>
    public Model(NeuralNet net, Preparation inputs, Target target) : this(net, Describe(net), inputs, target)
    {
    }

    /// <summary>Creates a model from a network that was built from a description.</summary>
    internal Model(NeuralNet net, NetworkDescription network, Preparation inputs, Target target)
    {
        (Net, Network, Inputs, Target) = (net, network, inputs, target);
        net.Initialize();
        Shape takes = [.. net.Network.Input.Shape.Skip(1)], gives = net.Layers[^1].OutputShape;
        if (takes.Count != inputs.Dimensions.Count)
        {
            throw new EngineException(
                $"The network takes {string.Join('x', takes)} numbers a sample, "
                + $"and its samples have {string.Join('x', inputs.Dimensions)}.");
        }

        int outputs = net.Regression ? (int)gives.Product(1, gives.Rank) : net.Classes;
        if (net.Regression != target is ValueTarget || outputs != target.Outputs)
        {
            throw new EngineException(
                $"The network gives {outputs} {(net.Regression ? "values" : "classes")} a sample, "
                + $"and '{target.Column}' has {target.Outputs} "
                + (target is ValueTarget
                    ? "value: end with new Dense(1, Linear), and set Regression."
                    : $"classes: end with new Dense({target.Outputs}, Softmax)."));
        }
    }

    /// <summary>Gets the network.</summary>
    public NeuralNet Net { get; }

    /// <summary>Gets the preparation of its samples.</summary>
    public Preparation Inputs { get; }

    /// <summary>Gets the meaning of its outputs.</summary>
    public Target Target { get; }

    /// <summary>Gets the names of the classes; empty if it predicts values.</summary>
    public IReadOnlyList<string> Classes => Target is ClassTarget target ? target.Classes : [];

    /// <summary>
    /// Gets the figures of its last test, by name, as the file has them: without those that are no number, such as the
    /// ROC-AUC of samples of one class.
    /// </summary>
    public IReadOnlyDictionary<string, double> Metrics { get; private set; } = new Dictionary<string, double>();

    /// <summary>
    /// Gets or sets other information in the file: the data, the time of training, the version of Engine.
    /// </summary>
    public IReadOnlyDictionary<string, string> About { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the network's description.</summary>
    internal NetworkDescription Network { get; }

    /// <summary>Returns whether samples should be prepared on demand.</summary>
    internal bool IsTooLarge(Table table) => table.Columns.Any(column => column is StoredColumn)
        || (double)table.Count * Inputs.Dimensions.Count * sizeof(float)
            > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2.0
        || (double)table.Count * Inputs.Dimensions.Count > Shape.MaxElements;

    /// <summary>Returns the network's output for samples, which are prepared in groups.</summary>
    internal Tensor Output(Table samples)
    {
        int batch = Net.BatchIteratorTest.BatchSize, width = (int)Inputs.Dimensions.Count,
            some = Math.Max(MaxNumbers / width / batch, 1) * batch;
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

    /// <summary>Predicts each sample.</summary>
    /// <exception cref="EngineException">
    /// A column that the model was trained with is missing, or a value is invalid.
    /// </exception>
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

    /// <summary>Predicts one sample from its values by name: texts and numbers, null for missing values.</summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictOne(IEnumerable<KeyValuePair<string, object?>> values) => Predict(Table.Row(values))[0];

    /// <summary>Predicts one sample: a record with a property for each column.</summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictRecord<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(
        T record)
        where T : class => Predict(Table.Of([record]))[0];

    /// <summary>Predicts the only row of a table.</summary>
    /// <inheritdoc cref="Predict"/>
    public Prediction PredictOne(Table sample) => Predict(sample) is [var only] ? only : throw new EngineException(
        $"The table has {sample.Count} rows, and one is wanted: call Predict.");

    /// <summary>
    /// Tests the model on samples with known targets. Returns a <see cref="ClassificationReport"/> or
    /// <see cref="RegressionReport"/>; the model keeps its figures.
    /// </summary>
    /// <inheritdoc cref="Predict"/>
    public TestReport Test(Table samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return Test(samples, out _);
    }

    /// <summary>Tests the model, and also returns the network's output for the samples.</summary>
    internal TestReport Test(Table samples, out Tensor output)
    {
        output = Output(samples);
        TestReport report = Report(output, samples);
        Metrics = report.Metrics.Where(pair => double.IsFinite(pair.Value)).ToDictionary();
        return report;
    }

    /// <summary>
    /// Saves the model to one safetensors file. An existing file is replaced only when the new one is complete.
    /// </summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public void Save(string path) => Parameters.Save(path, Net.GetParameters(), Metadata);

    /// <summary>
    /// Writes the model as an ONNX file that takes raw data, with an input for each column. Numbers are float32 (n, 1);
    /// nan is a missing value. Categories are string (n, 1); an empty text is a missing value. Texts are string (n,
    /// words): a row has the words of a text, and then empty texts. Words are the runs of letters and digits, in lower
    /// case. Pictures are float32 (n, channels, height, width) with values from 0 to 255. The output, under the
    /// target's name, is the probability of each class, (n, classes), or the values in their own unit, (n, 1).
    /// </summary>
    /// <exception cref="EngineException">
    /// A layer uses an op that ONNX does not have, or the file cannot be written.
    /// </exception>
    public void ExportOnnx(string path)
    {
        ReadOnlyMemory<byte> file = ModelOnnx.Write(this);
        WholeFile.Write(path, stream => stream.Write(file.Span));
    }

    /// <summary>Reads a model from a file. No description is needed, and the file may be untrusted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">The device; null for the default device.</param>
    /// <exception cref="EngineException">The file is not a model, or is damaged.</exception>
    public static Model Load(string path, Device? device = null) => Load(Parameters.LoadAll(path), path, device);

    /// <summary>Creates the model from the content of a file.</summary>
    internal static Model Load(SafetensorsFile file, string path, Device? device, DType floatX = DType.Float32)
    {
        if (!IsModel(file))
        {
            throw new EngineException(
                $"{path} holds parameters, and not what prepares a model's samples: "
                + "make the network in C# and call LoadParameters, or train anew and save a model.");
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
            if (error.Message.StartsWith(path, StringComparison.Ordinal))
            {
                throw;
            }

            throw new EngineException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Returns whether a file contains a preparation of samples.</summary>
    internal static bool IsModel(SafetensorsFile file) =>
        new[] { NetworkKey, InputsKey, TargetKey }.All(file.Metadata.ContainsKey);

    /// <summary>Gets the metadata of the file.</summary>
    internal IReadOnlyDictionary<string, string> Metadata => new OrderedDictionary<string, string>
    {
        [NetworkKey] = Network.ToJson(),
        [InputsKey] = JsonSerializer.Serialize(Inputs, DataJson.Default.Preparation),
        [TargetKey] = JsonSerializer.Serialize(Target, DataJson.Default.Target),
        [MetricsKey] = JsonSerializer.Serialize(Metrics.ToDictionary(), DataJson.Default.DictionaryStringDouble),
        [AboutKey] = JsonSerializer.Serialize(About.ToDictionary(), DataJson.Default.DictionaryStringString),
    };

    /// <summary>Returns the information in a file about the origin of a model.</summary>
    internal static Dictionary<string, string> AboutOf(string data) => new()
    {
        ["data"] = data,
        ["trained"] =
            DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", System.Globalization.CultureInfo.InvariantCulture),
        ["engine"] = typeof(Model).Assembly.GetName().Version?.ToString(3) ?? "",
    };

    /// <summary>Prepares samples for the network.</summary>
    internal Tensor Prepare(Table samples, float[]? buffer = null)
    {
        Tensor prepared = Inputs.Apply(samples, buffer);
        return prepared.Reshape([prepared.Shape[0], .. Net.Network.Input.Shape.Skip(1)]);
    }

    /// <summary>Returns a report on the network's output for samples.</summary>
    internal TestReport Report(Tensor output, Table samples) => Target is ValueTarget target
        ? new RegressionReport(
            ((NumberColumn)samples[target.Column]).Values,
            [.. output.Cast(DType.Float64).AsSpan<double>().ToArray().Select(target.Inverse)])
        : new ClassificationReport(Classes, Target.Apply(samples[Target.Column]).AsSpan<int>(), output);

    /// <summary>Frees the network.</summary>
    public void Dispose() => Net.Dispose();

    /// <summary>Creates an untrained network from its description.</summary>
    private static NeuralNet Make(
        NetworkDescription network, Target target, Device? device, DType floatX = DType.Float32) =>
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
                "A model file is of a network of one input and one output, with what prepares its samples: "
                + "save others, without that, by net.Network.SaveNetwork(path).");
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

/// <summary>Saves models of networks that were built in C#.</summary>
public static class NeuralNetModels
{
    /// <summary>
    /// Trains a network that was built in C# on a data set. The preparation and the target's scale are fitted to the
    /// samples that train: the others are those of the data that validate, or else what
    /// <see cref="NeuralNet.TrainSplit"/> sets apart.
    /// </summary>
    /// <param name="net">The network. The model owns it from now on.</param>
    /// <param name="data">The data, whose training samples keep their order.</param>
    /// <param name="cancellationToken">Ends the training early; the model keeps what it has learned.</param>
    /// <returns>The model of the trained network.</returns>
    /// <exception cref="EngineException">
    /// The network does not fit the data, or nothing can be learned from them.
    /// </exception>
    public static Model FitModel(this NeuralNet net, DataSet data, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(data);
        (Preparation inputs, Target target) = Model.Prepared(data, net.Regression, net.TrainSplit);
        var model = new Model(net, inputs, target) { About = Model.AboutOf(data.Name) };
        model.Fit(data.Train, data.Validation, isBalanced: false, isStreamed: null, cancellationToken);
        return model;
    }

    /// <summary>Saves a network, the preparation of its samples and the meaning of its outputs to one file.</summary>
    /// <param name="net">The network.</param>
    /// <param name="path">The file, which <see cref="Model.Load(string, Device?)"/> reads.</param>
    /// <param name="inputs">The preparation of its samples.</param>
    /// <param name="target">The meaning of its outputs.</param>
    /// <exception cref="EngineException">They do not fit each other, or the file cannot be written.</exception>
    public static void SaveModel(this NeuralNet net, string path, Preparation inputs, Target target) =>
        new Model(net, inputs, target).Save(path);
}
