using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Engine.Compile;
using Engine.Configuration;
using Engine.Data;
using Engine.Data.Pictures;
using Engine.IO;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Onnx;
using Engine.Ops;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Runner;
using Engine.Training;

namespace Engine.Tests.IO;

/// <summary>
/// Every writer of files leaves things other than files unchanged, follows links and accepts every name that the file
/// system accepts. Every reader refuses to wait at a pipe.
/// </summary>
[Platform("Linux")]
public sealed class SpecialFileTests
{
    private static readonly KeyValuePair<string, Tensor>[] s_tensors = [new("a", Tensor.Scalar(1f))];
    private static readonly Tensor s_samples = Tensor.From([0f, 1, 2, 3], 4, 1);

    private static readonly Dictionary<string, Action<string>> s_writers = new()
    {
        ["safetensors"] = path => Parameters.Save(path, s_tensors),
        ["npz"] = path => Npz.Save(path, s_tensors),
        ["deflated npz"] = path => Npz.Save(path, s_tensors, isCompressed: true),
        ["ONNX of a graph"] = path =>
        {
            Engine.Graph.Input x = Symbolic.Vector("x");
            OnnxExport.Save(path, [x], KeyValuePair.Create("y", Symbolic.Exp(x)));
        },
        ["ONNX of a network"] = path => With(net => net.ExportOnnx(path)),
        ["state"] = path => With(net => net.SaveState(path)),
        ["CSV log"] = path => With(net => net.Fit(s_samples, s_samples), new CsvLog(path)),
        ["checkpoint"] = path => With(net => net.Fit(s_samples, s_samples), new ModelCheckpoint(path)),
        ["whole file"] = path => WholeFile.Write(path, stream => stream.Write([1, 2, 3])),
        ["file bit by bit"] = path =>
        {
            using FileStream stream = WritableFile.Create(path);
            stream.Write([1, 2, 3]);
        },
        ["--history"] = path =>
        {
            using var history = new HistoryFile(path, isSynthetic: false);
            With(net => net.Fit(s_samples, s_samples), history);
        },
        ["history"] = path => With(net => net.Fit(s_samples, s_samples), new HistoryLog(path)),
        ["--trace"] = path => Profiling.End(new Profile(), path, TextWriter.Null),
        ["--save before the training"] = path =>
        {
            TrainingOptions.CheckWritable("--save", path);
            WholeFile.Write(path, stream => stream.Write([1, 2, 3]));
        },
    };

    private static readonly Dictionary<string, Action<string>> s_readers = new()
    {
        ["safetensors"] = path => Parameters.Load(path),
        ["npz"] = path => Npz.Load(path),
        ["state"] = path => With(net => net.LoadState(path)),
        ["parameters"] = path => With(net => net.LoadParameters(path)),
        ["kernel"] = path => CudaKernelOp.FromFile(path, "entry", (_, _) => { }),
        ["archive of CIFAR-10"] = path =>
        {
            File.Move(path, path + ".tar.gz");
            Cifar10.Read(path + ".tar.gz");
        },
        ["folder of CIFAR-10"] = path =>
        {
            File.Move(path, Path.Combine(Path.GetDirectoryName(path)!, "data_batch_1"));
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "test_batch"), "");
            Cifar10.Read(Path.GetDirectoryName(path)!);
        },
        ["picture"] = path => PictureReader.Read(path, 2, new byte[12]),
        ["description"] = path => DescriptionReader.Read(path),
        ["history"] = path => History.Read([path]),
        ["model"] = path => ModelFile.Load(path, null, TextWriter.Null),
        ["configuration"] = path => EngineOptions.Load(
            null, name => name == "ENGINERC" ? path : null, Path.GetTempPath(), ""),
    };

    private static string[] Writers => [.. s_writers.Keys];

    private static string[] Readers => [.. s_readers.Keys];

    private TempFolder _folder = null!;

    private string Special => _folder.File("special");

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCaseSource(nameof(Writers))]
    public void A_pipe_or_a_socket_is_not_written_over(string writer)
    {
        foreach (PathKind kind in new[] { PathKind.Pipe, PathKind.Socket, PathKind.Folder })
        {
            Make(kind);

            Within(() => Assert.That(
                () => s_writers[writer](Special), Throws.InstanceOf<EngineException>().With.Message.Contains(Special)));

            Assert.That(PathKinds.Of(Special), Is.EqualTo(kind));
            Remove(kind);
        }

        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.Empty);
    }

    [TestCaseSource(nameof(Writers))]
    public void A_device_is_written_into_and_stays(string writer)
    {
        Make(PathKind.CharacterDevice);

        s_writers[writer](Special);

        Assert.That(PathKinds.Of(Special), Is.EqualTo(PathKind.CharacterDevice));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { Special }));
    }

    [TestCaseSource(nameof(Writers))]
    public void A_link_is_followed_to_a_file_that_is_there_or_not(string writer)
    {
        string other = Directory.CreateDirectory(_folder.File("other")).FullName;
        string file = Path.Combine(other, "file");
        File.CreateSymbolicLink(_folder.File("between"), "other/file");
        File.CreateSymbolicLink(Special, "between");

        s_writers[writer](Special);
        s_writers[writer](Special);

        Assert.That(new FileInfo(Special).LinkTarget, Is.EqualTo("between"));
        Assert.That(new FileInfo(file).Length, Is.Positive);
        Assert.That(Directory.GetFileSystemEntries(other), Is.EqualTo(new[] { file }));
    }

    // NAME_MAX is 255 bytes on common file systems.
    [Test]
    public void A_name_of_255_bytes_is_a_name(
        [ValueSource(nameof(Writers))] string writer, [Values("n", "ß", "人", "😀")] string letter)
    {
        int bytes = Encoding.UTF8.GetByteCount(letter);
        string name = string.Concat(Enumerable.Repeat(letter, 255 / bytes)) + new string('_', 255 % bytes);
        Assert.That(Encoding.UTF8.GetByteCount(name), Is.EqualTo(255));

        s_writers[writer](_folder.File(name));

        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _folder.File(name) }));
    }

    [TestCaseSource(nameof(Writers))]
    public void A_name_that_no_file_can_have_is_refused_in_a_sentence(string writer)
    {
        foreach (string name in new[] { "", "a\0b", _folder.File(new string('n', 256)) })
        {
            Assert.That(() => s_writers[writer](name), Throws.InstanceOf<EngineException>()
                .With.Message.Not.Contain(".part").And.Message.Not.Contain("Parameter '"));
        }
    }

    [TestCaseSource(nameof(Readers))]
    public void A_pipe_or_a_device_is_not_read(string reader)
    {
        foreach (PathKind kind in new[] { PathKind.Pipe, PathKind.Socket, PathKind.CharacterDevice })
        {
            Make(kind);

            Within(() => Assert.That(
                () => s_readers[reader](Special),
                Throws.InstanceOf<EngineException>().With.Message.Contains("cannot be read: it is a")));

            _folder.Dispose();
            _folder = new TempFolder();
        }
    }

    [TestCaseSource(nameof(Readers))]
    public void A_name_that_no_file_can_have_is_not_read(string reader)
    {
        if (reader.Contains("CIFAR", StringComparison.Ordinal))
        {
            Assert.That(() => Cifar10.Read(""), Throws.InstanceOf<EngineException>());
            return;
        }

        Assert.That(() => s_readers[reader]("a\0b"), Throws.InstanceOf<EngineException>());
    }

    [Test]
    public void An_empty_configuration_may_be_named_as_nothing() => Assert.That(
        EngineOptions.Load(null, name => name == "ENGINERC" ? "/dev/null" : null, _folder.Path, ""),
        Is.EqualTo(new EngineOptions()));

    [TestCase("/dev/null", (int)PathKind.CharacterDevice)]
    [TestCase("/", (int)PathKind.Folder)]
    [TestCase("/dev/none", (int)PathKind.None)]
    public void What_is_there_is_told(string path, int kind) => Assert.That((int)PathKinds.Of(path), Is.EqualTo(kind));

    [Test]
    public async Task A_pipe_among_pictures_is_told_of_and_the_others_are_done()
    {
        using var model = new SmallModel();
        Make(PathKind.Pipe);
        File.WriteAllBytes(_folder.File("picture.png"), PngWriter.Write(new byte[12], width: 2));

        (int code, string output, string errors) = await TestCommandLine.Run(
            "predict", "--load", model.Save(), Special, _folder.File("picture.png"), "--device", "cpu");

        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain($"{Special} cannot be read: it is a pipe, not a file"));
        Assert.That(output, Does.Contain("picture.png"));
    }

    [TestCase("report", "-o")]
    [TestCase("plot", "-o")]
    [TestCase("predict", "-o")]
    public async Task What_commands_write_is_no_pipe(string command, string option)
    {
        using var model = new SmallModel();
        string history = model.Write("run.jsonl", """{"epoch":1,"train_loss":3,"valid_loss":2}""");
        string pipe = _folder.File("pipe.png");
        Assert.That(Run("mkfifo", pipe), Is.Zero);
        string[] args = command switch
        {
            "report" => ["report", history, model.Save(), .. model.Options],
            "plot" => ["plot", history],
            _ => ["predict", "--load", model.Save(), .. model.Options],
        };

        (int code, _, string errors) = await TestCommandLine.Run([.. args, option, pipe]);

        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Is.EqualTo(
            $"-o: {pipe} cannot be written: it is a pipe, which a file would replace; name a file."));
        Assert.That(PathKinds.Of(pipe), Is.EqualTo(PathKind.Pipe));
    }

    [TestCase("char", "PIPE")]
    [TestCase("compare", "PIPE", "PIPE")]
    [TestCase("explain", "PIPE")]
    [TestCase("onnx", "check", "PIPE")]
    [TestCase("plot", "PIPE")]
    [TestCase("predict", "--load", "PIPE")]
    [TestCase("report", "PIPE", "PIPE")]
    [TestCase("search", "PIPE")]
    [TestCase("serve", "--load", "PIPE")]
    [TestCase("show", "PIPE")]
    [TestCase("train", "PIPE")]
    public void What_commands_read_is_no_pipe(params string[] args)
    {
        Make(PathKind.Pipe);
        (int Code, string Output, string Errors) result = default;

        Within(() => result = TestCommandLine.Run(
            [.. args.Select(arg => arg.Replace("PIPE", Special, StringComparison.Ordinal))]).GetAwaiter().GetResult());

        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Errors, Does.Contain($"{Special} cannot be read: it is a pipe, not a file"));
    }

    private static void With(Action<NeuralNet> use, params Callback[] callbacks)
    {
        using var net = new NeuralNet(new Input(1), new Dense(1, Symbolic.Linear))
        {
            Regression = true,
            MaxEpochs = 1,
            TrainSplit = new TrainSplit(0),
            Callbacks = [.. callbacks],
        };
        use(net);
    }

    /// <summary>Runs it on another thread, so that a test fails instead of hanging.</summary>
    private static void Within(Action act) =>
        Assert.That(Task.Run(act).Wait(TimeSpan.FromSeconds(60)), Is.True, "it waits at the other end");

    private void Make(PathKind kind)
    {
        switch (kind)
        {
            case PathKind.Folder:
                Directory.CreateDirectory(Special);
                break;
            case PathKind.Socket:
                using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                {
                    socket.Bind(new UnixDomainSocketEndPoint(Special));
                    File.Move(Special, Special + "2");
                }

                File.Move(Special + "2", Special);
                break;
            case PathKind.Pipe:
                Assert.That(Run("mkfifo", Special), Is.Zero);
                break;
            default:
                // Created like /dev/null; the real one is not put at risk.
                if (Run("mknod", Special, "c", "1", "3") != 0)
                {
                    Assert.Ignore("Only root can make a device, and not in every container.");
                }

                break;
        }
    }

    private void Remove(PathKind kind)
    {
        if (kind == PathKind.Folder)
        {
            Directory.Delete(Special);
        }
        else
        {
            File.Delete(Special);
        }
    }

    private static int Run(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
