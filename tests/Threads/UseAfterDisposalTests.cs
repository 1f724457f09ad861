using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Inspection;
using Engine.Layers;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Graph.Input;

namespace Engine.Tests.Threads;

/// <summary>Use after disposal gives an error that names the object and says what to do.</summary>
public class UseAfterDisposalTests
{
    private static readonly (Tensor Points, int[] Labels) s_clouds = Toy.Clouds(9);

    private static readonly (string Name, Action<NeuralNet> Use)[] s_uses =
    [
        ("Initialize", net => net.Initialize()),
        ("Fit", net => net.Fit(s_clouds.Points, s_clouds.Labels)),
        ("PartialFit", net => net.PartialFit(s_clouds.Points, s_clouds.Labels)),
        ("CompileStep", net => net.CompileStep(s_clouds.Points, Tensor.From(s_clouds.Labels))),
        ("Predict", net => net.Predict(s_clouds.Points)),
        ("PredictProba", net => net.PredictProba(s_clouds.Points)),
        ("GetOutput", net => net.GetOutput("dense1", s_clouds.Points)),
        ("Score", net => net.Score(s_clouds.Points, s_clouds.Labels)),
        ("GetParameters", net => net.GetParameters()),
        ("SetParameters", net => net.SetParameters([])),
        ("SaveState", net => net.SaveState("never written")),
        ("LoadState", net => net.LoadState("never read")),
        ("ExportOnnx", net => net.ExportOnnx("never written")),
        ("LearningRate", net => _ = net.LearningRate),
        ("LearningRate =", net => net.LearningRate = 1),
        ("ConfusionMatrix", net => ConfusionMatrix.Of(net, s_clouds.Points, s_clouds.Labels)),
        ("Saliency", net => Saliency.Of(net, s_clouds.Points, s_clouds.Labels)),
        ("Occlusion", net => Occlusion.Map(net, new Tensor(DType.Float32, [1, 1, 2]), 0)),
    ];

    [Test]
    public void A_network_names_its_layers([Values] bool isTrained)
    {
        NeuralNet net = NeuralNetTests.Small(1);
        if (isTrained)
        {
            net.Fit(s_clouds.Points, s_clouds.Labels);
        }

        net.Dispose();
        net.Dispose();

        foreach ((string name, Action<NeuralNet> use) in s_uses)
        {
            Assert.That(() => use(net), Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
                "The network (input0, dense1, dense2) was disposed of: dispose of it when no thread uses it any more"),
                name);
        }

        Assert.That(net.ToString(), Does.Contain("dense1"));
    }

    [Test]
    public void A_setting_of_a_networks_update_rule_names_itself()
    {
        NeuralNet net = NeuralNetTests.Small(1);
        net.Initialize();
        SharedVariable rate = net.UpdateSettings["learning_rate"];
        net.Dispose();

        Assert.That(() => rate.SetScalar(1f), Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
            "The shared variable 'learning_rate' is disposed: somebody disposed of it or of its network"));
    }

    [Test]
    public void A_step_of_a_network_that_was_disposed_of_names_the_network()
    {
        NeuralNet net = NeuralNetTests.Small(1);
        using TrainingStep step = net.CompileStep(s_clouds.Points, Tensor.From(s_clouds.Labels));
        net.Dispose();

        Assert.That(() => step.Run(1), Throws.TypeOf<ObjectDisposedException>().With.Message.Contains("dense1"));
    }

    [Test]
    public void A_function_says_what_it_computes()
    {
        Input x = Vector("x");
        SharedVariable sum = Shared(Tensor.Scalar(0f), "sum");
        var f = Function.Compile([x], [x * 2], [new(sum, sum + Sum(x))]);
        Tensor argument = Tensor.From([1f, 2]);
        f.Run(argument);
        f.Dispose();
        f.Dispose();
        Action[] uses =
        [
            () => f.Call(argument), () => f.Call([argument], [argument]), () => f.Run(argument),
            () => f.RunMany(2, argument), () => f.Prepare(argument), () => f.ReadOutput(0, new float[2]),
            () => f.Print(),
            () => _ = f.Launches,
        ];

        foreach (Action use in uses)
        {
            Assert.That(use, Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
                "The function (x float32 (?)) -> (multiply.0 float32 (?)) with updates of sum on cpu was disposed "
                + "of: "));
        }

        Assert.That(sum.GetScalar<float>(), Is.EqualTo(3));
    }

    [Test]
    public void A_shared_variable_says_its_name_or_its_type([Values] bool isNamed, [Values] bool isPlaced)
    {
        SharedVariable w = Shared(Tensor.From([1f, 2]), isNamed ? "w" : null);
        using var f = Function.Compile([], [w * 2]);
        if (isPlaced)
        {
            f.Run();
        }

        w.Dispose();
        w.Dispose();
        Action[] uses =
        [
            () => w.GetValue(), () => w.SetValue(Tensor.From([1f, 2])), () => w.ReadValue(new byte[8]),
            () => w.GetScalar<float>(), () => w.SetScalar(1f), () => f.Call(), () => f.Run(),
        ];

        foreach (Action use in uses)
        {
            Assert.That(use, Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(isNamed
                ? "The shared variable 'w' is disposed: "
                : "A shared variable, float32 (2), is disposed: "));
        }
    }

    [Test]
    public void A_device_says_its_name([Values] bool onGpu, [Values(1, 2)] int threads)
    {
        if (onGpu)
        {
            CudaTestDevice.Open();
        }

        Device device = onGpu ? new CudaDevice(CudaTestDevice.Options) : new CpuDevice(threads);
        Input x = Vector("x");
        using var f = Function.Compile([x], [x * 2], device: device);
        f.Run(Tensor.From([1f]));
        device.Dispose();
        device.Dispose();
        Action[] uses = [() => f.Call(Tensor.From([1f])), () => f.Run(Tensor.From([1f, 2]))];

        foreach (Action use in uses)
        {
            Assert.That(use, Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
                $"The device {device.Name} was disposed of, and runs nothing any more: "));
        }
    }

    [Test]
    public void Memory_says_how_much_it_was_and_where([Values] bool onGpu)
    {
        Device device = onGpu ? CudaTestDevice.Open() : Device.Default;
        Storage storage = device.Allocate(16);
        storage.Dispose();
        storage.Dispose();

        foreach (Action use in new Action[] { () => storage.Read(new byte[4]), () => storage.Write(new byte[4]) })
        {
            Assert.That(use, Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
                $"This memory, 16 bytes on {device.Name}, was freed: "));
        }
    }

    [Test]
    public void A_file_of_events_says_its_path()
    {
        using var folder = new TempFolder();
        var file = new EventFile(folder.Path);
        file.Dispose();
        file.Dispose();

        Assert.That(() => file.Write(1, ("loss", 1)), Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith(
            $"The file of events {file.Path} was closed: "));
    }
}
