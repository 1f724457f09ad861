using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.Training;

namespace Engine.Runner;

/// <summary>A saved network and its predictions of the test images.</summary>
internal sealed class TestedModel : IDisposable
{
    private readonly Device _device;
    private readonly Func<int[], Tensor> _inputs;
    private readonly Func<int[], Tensor>? _pictures;

    private TestedModel(
        ModelFile model, NeuralNet net, Device device, Func<int[], Tensor> inputs, Func<int[], Tensor>? pictures,
        IReadOnlyList<string> classes,
        TestReport report, Tensor probabilities, Tensor? labels)
    {
        (Model, Net, _device, _inputs, _pictures, Classes) = (model, net, device, inputs, pictures, classes);
        (Report, Probabilities, Labels) = (report, probabilities, labels);
        Count = probabilities.Shape[0];
    }

    public ModelFile Model { get; }

    public NeuralNet Net { get; }

    /// <summary>Whether the samples are images.</summary>
    public bool HasPictures => _pictures is not null;

    /// <summary>The number of samples that it is tested on.</summary>
    public int Count { get; }

    /// <summary>Whether the images that it is tested on were drawn.</summary>
    public bool IsSynthetic { get; private init; }

    /// <summary>The name of the data, if it is a user's own.</summary>
    public string? DataName { get; private init; }

    /// <summary>The name of a sample.</summary>
    public string Noun => HasPictures ? "images" : "rows";

    /// <summary>The predicted class of each test sample; in regression the predicted values.</summary>
    public Tensor Probabilities { get; }

    /// <summary>The class of each sample; null if values are predicted.</summary>
    public Tensor? Labels { get; }

    /// <summary>The results of the test.</summary>
    public TestReport Report { get; }

    /// <summary>How often each class is predicted as which; null if values are predicted.</summary>
    public ConfusionMatrix? Confusion => (Report as ClassificationReport)?.Confusion;

    /// <summary>
    /// How much worse the model is without each column, the most important first; empty if samples have no columns.
    /// </summary>
    public IReadOnlyList<ColumnImportance> Importance { get; private init; } = [];

    /// <summary>The names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The device of the test.</summary>
    public string DeviceName => _device.Name;

    /// <summary>
    /// Returns a model of own data, tested on samples. If a file has the samples, only some are in memory at a time.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="test">The samples.</param>
    /// <param name="device">The device for the test.</param>
    /// <param name="count">The number of samples to take; null for all.</param>
    /// <param name="output">The network's output for all samples, if it is known.</param>
    public static TestedModel Of(
        Models.Model model, Table test, Device device, int? count = null, Tensor? output = null)
    {
        test = count < test.Count ? test.Rows([.. Enumerable.Range(0, count.Value)]) : test;
        output ??= model.Output(test);
        VectorColumn? images =
            test.Columns.OfType<VectorColumn>()
                .FirstOrDefault() is { DType: DType.UInt8, Dimensions: { Rank: 3 } sides } found
                && sides[0] is 1 or 3 ? found : null;
        return new TestedModel(
            new ModelFile(model.Network, model.Classes, IsSynthetic: false), model.Net, device,
            rows => model.Prepare(test.Rows(rows)),
            images is null ? null : rows => InColor(((VectorColumn)images.Rows(rows)).Load()), model.Classes,
            model.Report(output, test), output,
            model.Target is ClassTarget ? model.Target.Apply(test[model.Target.Column]) : null)
        {
            DataName = model.About.GetValueOrDefault("data") ?? "own data",
            Importance = ColumnImportance.Of(model, test),
        };
    }

    /// <summary>Loads a saved network and tests it on the test images.</summary>
    /// <param name="options">The model and the images.</param>
    /// <param name="notes">Where to write notes about them.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="EngineException">
    /// The model or the images cannot be read, or one does not fit the other.
    /// </exception>
    public static async Task<TestedModel> Load(
        InspectionOptions.Inspected options, TextWriter notes, CancellationToken cancellation)
    {
        EngineOptions configuration = CommonOptions.Configure(options.Device, options.Threads, notes: notes);
        ModelFile model = ModelFile.Load(options.Model, options.Network, notes, options.Ignore, options.Samples);
        Device? device = null;
        NeuralNet? net = null;
        try
        {
            device = DeviceSelection.Open(options.Device, configuration, notes);
            if (model.Own is { } make)
            {
                Models.Model own = make(device, configuration.FloatX);
                net = own.Net;
                return Of(own, OwnTests.Load(own, options.Model, options.Data, out _), device, options.Images);
            }

            ImageInput.RequireFit(model.Network);
            net = new NeuralNet(model.Network.MakeOutput()) { FloatX = configuration.FloatX, Device = device };
            SetParameters(net, model, options.Model);
            Cifar10Set data = await CifarTraining.LoadSet(options.Data, images: null, isQuiet: true, cancellation);
            data = data with { Test = data.Test.First(options.Images ?? data.Test.Count) };
            Shape output = net.Layers[^1].OutputShape;
            if (net.Classes != data.ClassNames.Count)
            {
                throw new EngineException(
                    $"{options.Model} gives {string.Join('x', output.Skip(1))} numbers an image, but the images are of "
                    + $"{data.ClassNames.Count} classes.");
            }

            if (model.IsSynthetic != data.IsSynthetic)
            {
                await notes.WriteLineAsync(
                    $"NOTE: {options.Model} was trained on {Images(model.IsSynthetic)}, and is tried on "
                    + $"{Images(data.IsSynthetic)}.");
            }

            Tensor inputs = ImageInput.Prepare(model.Network, data.Test.Images),
                probabilities = net.PredictProba(inputs);
            string[] classes = [.. data.ClassNames.Select(
                (name, i) => model.Classes.Count == data.ClassNames.Count ? model.Classes[i] : name)];
            return new TestedModel(
                model, net, device, rows => inputs.Rows(rows), rows => data.Test.Images.Rows(rows), classes,
                new ClassificationReport(classes, data.Test.Labels.AsSpan<int>(), probabilities), probabilities,
                data.Test.Labels)
            {
                IsSynthetic = data.IsSynthetic,
            };
        }
        catch
        {
            net?.Dispose();
            device?.Dispose();
            throw;
        }

        static string Images(bool areDrawn) => areDrawn ? "drawn images" : "photographs";
    }

    /// <summary>Returns the mistakes with the highest probability.</summary>
    public IReadOnlyList<Mistake> Mistakes(int count) =>
        Labels is null ? [] : Mistake.MostConfident(Probabilities, Labels, count);

    /// <summary>Returns test images as the network's input.</summary>
    public Tensor Inputs(int[] images) => _inputs(images);

    /// <summary>Returns test images for people, uint8 (n, 3, height, width).</summary>
    public Tensor Pictures(int[] images) => _pictures!(images);

    /// <summary>Returns the class of a test image.</summary>
    public int Label(int image) => Labels!.AsSpan<int>()[image];

    /// <summary>Returns the predicted probability of a class for a test image.</summary>
    public double Probability(int image, int label) =>
        Probabilities.Rows(image, 1).Cast(DType.Float64).AsSpan<double>()[label];

    public void Dispose()
    {
        Net.Dispose();
        _device.Dispose();
    }

    /// <summary>Returns images of one plane with three equal planes.</summary>
    private static Tensor InColor(Tensor images)
    {
        Shape shape = images.Shape;
        if (shape[1] == 3)
        {
            return images;
        }

        int plane = shape[2] * shape[3];
        byte[] colors = new byte[3 * shape[0] * plane];
        for (int i = 0; i < 3 * shape[0]; i++)
        {
            images.AsSpan<byte>().Slice(i / 3 * plane, plane).CopyTo(colors.AsSpan(i * plane));
        }

        return Tensor.From(colors, shape[0], 3, shape[2], shape[3]);
    }

    /// <summary>Puts the saved parameters into a network.</summary>
    /// <exception cref="EngineException">
    /// They belong to another network; the message names the file and the difference.
    /// </exception>
    public static void SetParameters(NeuralNet net, ModelFile model, string path)
    {
        try
        {
            net.SetParameters(model.Parameters!);
        }
        catch (EngineException error)
        {
            throw new EngineException($"{path}: {error.Message}", error);
        }
    }
}
