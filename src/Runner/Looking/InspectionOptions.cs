using System.CommandLine;
using System.CommandLine.Parsing;
using Engine.Configuration;
using Engine.Inspection;

namespace Engine.Runner;

/// <summary>
/// The options that <c>show</c> and <c>report</c> share: the model, the images to test it on, and what to show of them.
/// </summary>
internal sealed class InspectionOptions
{
    private const int Mistakes = 12, Explained = 4;

    private readonly Option<string?> _network = new("--network")
    {
        HelpName = "NETWORK",
        Description = "The network that the file is of, if it does not say: mlp, cnn or a file that describes it.",
    };

    private readonly Option<string[]> _ignore = CommonOptions.Ignore();

    private readonly Option<DeviceChoice?> _device = CommonOptions.Device();
    private readonly Option<int?> _threads = CommonOptions.Threads();
    private readonly Option<string?> _data = CommonOptions.Data();
    private readonly Option<int?> _images = CommonOptions.Images();

    private readonly Option<int> _mistakes = CommonOptions.Whole(
        "--mistakes", 0, Mistakes, "How many of the most confident mistakes to show.");

    private readonly Option<int[]?> _explain = new("--explain")
    {
        HelpName = "N[,N…]",
        Description = "The test images, by number from 0 on, to show the occlusion and saliency maps of. "
            + $"[default: the first {Explained}]",
        CustomParser = ParseIndices,
    };

    private readonly Option<int> _square = CommonOptions.Whole(
        "--square", 1, Occlusion.DefaultSquare, "The side of the square that covers a part of an image.");

    private readonly OnnxOptions _onnx = new();

    public InspectionOptions(string model)
    {
        Model = new Argument<string>("model") { HelpName = "MODEL", Description = model };
        _images.Description = "Try it on the first N test images only. [default: all]";
    }

    /// <summary>The saved network.</summary>
    public Argument<string> Model { get; }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        Option[] options = [_network, _ignore, _device, _threads, _data, _images, _mistakes, _explain, _square];
        Array.ForEach(options, command.Add);
        _onnx.AddTo(command);
    }

    /// <summary>The description of the samples of an ONNX file's network; null if there is none.</summary>
    public Models.OnnxSamples? Samples(ParseResult parsed) => _onnx.Read(parsed);

    /// <summary>The network that the user names for the file; null if the file describes it.</summary>
    public string? Network(ParseResult parsed) => parsed.GetValue(_network);

    /// <summary>The names of what to pass over in the file.</summary>
    public IReadOnlyList<string> Ignored(ParseResult parsed) => parsed.GetValue(_ignore) ?? [];

    /// <summary>Reads the values of the options.</summary>
    public Inspected Read(ParseResult parsed) => new(
        parsed.GetRequiredValue(Model), Network(parsed), parsed.GetValue(_device), parsed.GetValue(_threads),
        parsed.GetValue(_data), parsed.GetValue(_images), parsed.GetValue(_mistakes),
        parsed.GetResult(_explain) is null ? null : parsed.GetValue(_explain), parsed.GetValue(_square))
    {
        Ignore = Ignored(parsed),
        Samples = Samples(parsed),
    };

    private static int[]? ParseIndices(ArgumentResult result)
    {
        string[] words = CommonOptions.Text(result).Split(',', StringSplitOptions.TrimEntries);
        int[] indices = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!CommonOptions.TryParse(words[i], min: 0, out indices[i]))
            {
                return CommonOptions.Refuse<int[]>(result, "numbers of images from 0 on with commas between, as 0,12");
            }
        }

        return indices;
    }

    /// <summary>The values of these options.</summary>
    /// <param name="Model">The file of the saved network.</param>
    /// <param name="Network">The network of the file, if the user names it.</param>
    /// <param name="Device">The device asked for; null: as configured.</param>
    /// <param name="Threads">The threads asked for; null: as configured.</param>
    /// <param name="Data">The folder of the images.</param>
    /// <param name="Images">The number of test images; null for all.</param>
    /// <param name="MistakeCount">The number of mistakes to show.</param>
    /// <param name="Explain">The images to explain; null for the first ones.</param>
    /// <param name="Square">The side of the square that covers a part of an image.</param>
    internal sealed record Inspected(
        string Model, string? Network, DeviceChoice? Device, int? Threads, string? Data, int? Images, int MistakeCount,
        int[]? Explain, int Square)
    {
        /// <summary>The names of what to pass over in the file.</summary>
        public IReadOnlyList<string> Ignore { get; init; } = [];

        /// <summary>The description of the samples of an ONNX file's network.</summary>
        public Models.OnnxSamples? Samples { get; init; }

        /// <summary>Returns the images to explain, out of a number of images.</summary>
        /// <exception cref="EngineException">There is no such image.</exception>
        public int[] Indices(int count)
        {
            int[] indices = Explain ?? [.. Enumerable.Range(0, Math.Min(Explained, count))];
            return indices.Cast<int?>().FirstOrDefault(index => index >= count) is { } wrong
                ? throw new EngineException(
                    $"--explain: there is no test image {wrong}: there are {count}, from 0 to {count - 1}.")
                : indices;
        }
    }
}
