using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Graph;
using Engine.IO;
using Engine.Onnx;

namespace Engine.Runner;

/// <summary>Inspects ONNX files.</summary>
internal static class OnnxCommand
{
    /// <summary>Runs a model with ONNX Runtime's Python package; inputs and outputs are arrays of npz files.</summary>
    private const string Script = """
        import sys, numpy, onnxruntime
        session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
        given = numpy.load(sys.argv[2])
        outputs = session.run(None, {one.name: given['x%d' % i] for i, one in enumerate(session.get_inputs())})
        numpy.savez(sys.argv[3], **{'y%d' % i: numpy.asarray(one) for i, one in enumerate(outputs)})
        """;

    public static Command Create()
    {
        var command = new Command("onnx", "Look into an ONNX file.");
        command.Add(Check());
        return command;
    }

    private static Command Check()
    {
        Argument<string> file = new("file") { HelpName = "FILE", Description = "The ONNX file." };
        Option<bool> reference = new("--reference")
        {
            Description = "Compare what it gives of made-up samples with ONNX Runtime, if Python has that.",
        };
        var command = new Command(
            "check", "Say which ops an ONNX file needs, which are there, and what it costs.") { file, reference };
        command.SetAction((parsed, _) => Task.FromResult(Run(
            parsed.GetRequiredValue(file), parsed.GetValue(reference), parsed.InvocationConfiguration.Output)));
        return command;
    }

    private static int Run(string path, bool withReference, TextWriter output)
    {
        OnnxFile read;
        using (ModelBytes bytes = ModelBytes.Open(path))
        {
            read = OnnxParser.Model(bytes, Path.GetDirectoryName(Path.GetFullPath(path)));
        }

        output.WriteLine($"made by {read.Producer} {read.ProducerVersion}".TrimEnd());
        output.WriteLine(
            $"opsets: {string.Join(", ", read.OpSets.Select(set => $"{(set.Key.Length == 0 ? "ai.onnx" : set.Key)} {set.Value}"))}");
        output.WriteLine();
        bool isThere = PrintOps(read, output);
        if (!isThere)
        {
            return CommandLine.Failed;
        }

        using OnnxModel model = OnnxModel.Load(path);
        var ports = new TextTable("", "name", "type", "dimensions");
        foreach ((string kind, OnnxPort port) in model.Inputs.Select(port => ("input", port))
            .Concat(model.Outputs.Select(port => ("output", port))))
        {
            ports.Add(
                kind, port.Name, port.Type.Name(), port.Dimensions + (port.DecidesShapes ? ", decides shapes" : ""));
        }

        output.Write(ports);
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"parameters: {model.Parameters.Sum(parameter => parameter.Shape.Count):N0}"));
        Tensor[] inputs = [.. model.Inputs.Select(MadeUp)];
        if (model.Inputs.All(port => port.IsRankKnown && !port.DecidesShapes))
        {
            var given = model.Inputs.Zip(inputs).ToDictionary(
                pair => pair.First.Name,
                pair => (Variable)new Input(new TensorType(pair.First.DType, pair.Second.Shape), pair.First.Name));
            long flops = Traversal.Order(model.Build(given)).Sum(node => node.Op.Flops(
                [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(one => one.Type)]));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"operations for a sample: {flops:N0}"));
        }

        if (withReference)
        {
            Compare(path, model, inputs, output);
        }

        return CommandLine.Done;
    }

    private static bool PrintOps(OnnxFile file, TextWriter output)
    {
        var table = new TextTable("op", "nodes", "here");
        bool areThere = true;
        foreach (IGrouping<(string Domain, string Op), OnnxNodeFile> group in All(file.Graph)
            .GroupBy(node => (node.Domain, node.Op)).OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key.Op, StringComparer.Ordinal))
        {
            OnnxNodeFile node = group.First();
            string here = file.Functions.ContainsKey(group.Key) ? "a function of the file's"
                : OnnxTable.Find(node, file.OpSets) is { } op ? "yes" : $"no: {OnnxTable.WhyNot(node, file.OpSets)}";
            areThere &= !here.StartsWith("no", StringComparison.Ordinal);
            table.Add(group.Key.Domain.Length == 0 ? group.Key.Op : $"{group.Key.Domain}:{group.Key.Op}",
                $"{group.Count()}", here);
        }

        output.Write(table);
        output.WriteLine();
        return areThere;
    }

    /// <summary>Returns the nodes of a graph and of its subgraphs.</summary>
    private static IEnumerable<OnnxNodeFile> All(OnnxGraphFile graph) =>
        graph.Nodes.SelectMany(node => node.Settings.Values
            .Select(setting => setting.Graph).OfType<OnnxGraphFile>().SelectMany(All).Prepend(node));

    /// <summary>Returns a sample of numbers from -1 to 1; open dimensions are 1.</summary>
    private static Tensor MadeUp(OnnxPort port)
    {
        Shape shape = [.. port.Shape.Select(dimension => dimension == Shape.Unknown ? 1 : dimension)];
        var random = new Random(1);
        return Tensor.From([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (random.NextSingle() * 2) - 1)])
            .Reshape(shape.Dimensions).Cast(port.DType);
    }

    private static void Compare(string path, OnnxModel model, Tensor[] inputs, TextWriter output)
    {
        string folder = Directory.CreateTempSubdirectory("engine-onnx").FullName;
        try
        {
            string given = Path.Combine(folder, "x.npz"), made = Path.Combine(folder, "y.npz");
            Npz.Save(
                given, [.. inputs.Select(
                    (tensor, i) => KeyValuePair.Create(string.Create(CultureInfo.InvariantCulture, $"x{i}"), tensor))]);
            var start = new ProcessStartInfo("python3", ["-c", Script, Path.GetFullPath(path), given, made])
            {
                RedirectStandardError = true,
            };
            using Process python = Start(start);
            string errors = python.StandardError.ReadToEnd();
            python.WaitForExit();
            if (python.ExitCode != 0)
            {
                throw new EngineException(
                    $"ONNX Runtime did not run it: {errors.Trim().Split('\n')[^1]}. "
                    + "--reference needs Python with the packages onnxruntime and numpy.");
            }

            OrderedDictionary<string, Tensor> expected = Npz.Load(made);
            Tensor[] actual = model.Run(inputs);
            for (int i = 0; i < actual.Length; i++)
            {
                double[] a = NdArray.From(expected.GetAt(i).Value).Data, b = NdArray.From(actual[i]).Data;
                string difference = a.Length == b.Length
                    ? string.Create(CultureInfo.InvariantCulture,
                        $"{a.Zip(b, (x, y) => x.Equals(y) ? 0 : Math.Abs(x - y)).DefaultIfEmpty().Max():G3}")
                    : "another number of elements";
                output.WriteLine($"{model.Outputs[i].Name}: differs from ONNX Runtime's by at most {difference}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new EngineException(
                "--reference needs Python with the packages onnxruntime and numpy, and there is no python3.", error);
        }
    }
}
