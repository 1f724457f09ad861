using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.Training;

namespace Engine.Runner;

/// <summary>A saved network and what it makes of the test images.</summary>
internal sealed class TestedModel : IDisposable
{
    private readonly Device _device;

    private TestedModel(ModelFile model, NeuralNet net, Device device, Cifar10Set data, Tensor inputs)
    {
        (Model, Net, _device, Data, Inputs) = (model, net, device, data, inputs);
        Probabilities = net.PredictProba(inputs);
        int outputs = Probabilities.Shape[1];
        Classes = [.. Enumerable.Range(0, outputs)
            .Select(i => model.Classes.Count == outputs ? model.Classes[i] : data.ClassNames[i])];
        Confusion = ConfusionMatrix.Of(net, inputs, data.Test.Labels);
    }

    public ModelFile Model { get; }

    public NeuralNet Net { get; }

    public Cifar10Set Data { get; }

    /// <summary>The test images as the network takes them.</summary>
    public Tensor Inputs { get; }

    /// <summary>What it takes each test image for.</summary>
    public Tensor Probabilities { get; }

    public ConfusionMatrix Confusion { get; }

    /// <summary>The names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Where it was tried.</summary>
    public string DeviceName => _device.Name;

    /// <summary>Loads a saved network and tries it on the test images.</summary>
    /// <param name="options">The model and the images.</param>
    /// <param name="notes">Where to say what must be known of them.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="EngineException">
    /// The model or the images cannot be read, or one does not fit the other.
    /// </exception>
    public static async Task<TestedModel> Load(
        InspectionOptions.Inspected options, TextWriter notes, CancellationToken cancellation)
    {
        EngineOptions configuration = CommonOptions.Configure(options.Device, options.Threads, notes: notes);
        ModelFile model = ModelFile.Load(options.Model, options.Network, notes, options.Ignore);
        ImageInput.RequireFit(model.Network);
        Device? device = null;
        NeuralNet? net = null;
        try
        {
            device = DeviceSelection.Open(options.Device, configuration, notes);
            net = new NeuralNet(model.Network.MakeOutput()) { FloatX = configuration.FloatX, Device = device };
            SetParameters(net, model, options.Model);
            Cifar10Set data = await Experiment.LoadData(options.Data, images: null, isQuiet: true, cancellation);
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

            return new TestedModel(model, net, device, data, ImageInput.Prepare(model.Network, data.Test.Images));
        }
        catch
        {
            net?.Dispose();
            device?.Dispose();
            throw;
        }

        static string Images(bool areDrawn) => areDrawn ? "drawn images" : "photographs";
    }

    /// <summary>The mistakes of which it is surest.</summary>
    public IReadOnlyList<Mistake> Mistakes(int count) => Mistake.MostConfident(Probabilities, Data.Test.Labels, count);

    /// <summary>The class of a test image.</summary>
    public int Label(int image) => Data.Test.Labels.AsSpan<int>()[image];

    /// <summary>The probability with which a test image is taken for a class.</summary>
    public double Probability(int image, int label) =>
        Probabilities.Rows(image, 1).Cast(DType.Float64).AsSpan<double>()[label];

    public void Dispose()
    {
        Net.Dispose();
        _device.Dispose();
    }

    /// <summary>Puts the saved parameters into a network.</summary>
    /// <exception cref="EngineException">
    /// They are of another network; the message names the file and what differs.
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
