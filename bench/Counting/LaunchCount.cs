using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.Bench.Counting;

/// <summary>The counts of a kernel launch, made by the double while it executed the kernel's PTX.</summary>
internal sealed record LaunchCount
{
    /// <summary>The classes of instructions, as the double names them.</summary>
    public static readonly string[] Classes =
        ["fma", "float", "integer", "move", "shared", "global", "control", "tensor"];

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>The ops of the launch, or parts of them.</summary>
    public string Ops { get; init; } = "";

    /// <summary>The kernel's entry point; copying or clearing memory has its own name and no counts.</summary>
    public string Kernel { get; init; } = "";

    public int[] Grid { get; init; } = [];

    public int[] Block { get; init; } = [];

    /// <summary>The number of launches in these counts.</summary>
    public int Launches { get; init; } = 1;

    public long Blocks { get; init; }

    /// <summary>Instructions of PTX that warps executed.</summary>
    public long WarpInstructions { get; init; }

    /// <summary>The same, times the active lanes.</summary>
    public long ThreadInstructions { get; init; }

    /// <summary>The machine instructions that they become, by a table.</summary>
    public long MachineInstructions { get; init; }

    public long Fma { get; init; }

    public long Float { get; init; }

    public long Integer { get; init; }

    public long Move { get; init; }

    public long Shared { get; init; }

    public long Global { get; init; }

    public long Control { get; init; }

    public long Tensor { get; init; }

    /// <summary>The sectors of 32 bytes of global memory that warps requested, request by request.</summary>
    public long SectorsAsked { get; init; }

    /// <summary>The minimum number of sectors that hold the requested bytes.</summary>
    public long SectorsNeeded { get; init; }

    public long GlobalRequests { get; init; }

    public long SharedRequests { get; init; }

    /// <summary>The passes in which the banks of shared memory served the requests.</summary>
    public long SharedPasses { get; init; }

    /// <summary>The passes that were due to different words of one bank.</summary>
    public long BankConflicts { get; init; }

    /// <summary>The active lanes of the 32 lanes of a warp, on average.</summary>
    [JsonIgnore]
    public double ActiveLanes => WarpInstructions == 0 ? 0 : (double)ThreadInstructions / WarpInstructions;

    /// <summary>The executed instructions of each class, in the order of <see cref="Classes"/>.</summary>
    [JsonIgnore]
    public long[] ByClass => [Fma, Float, Integer, Move, Shared, Global, Control, Tensor];

    /// <summary>Reads the double's lines of JSON.</summary>
    public static LaunchCount[] Read(string lines) =>
    [
        .. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<LaunchCount>(line, s_json)!),
    ];

    /// <summary>Joins several launches of one kernel into one row.</summary>
    public static LaunchCount Sum(IEnumerable<LaunchCount> counts) => counts.Aggregate((a, b) => a with
    {
        Launches = a.Launches + b.Launches,
        Blocks = a.Blocks + b.Blocks,
        WarpInstructions = a.WarpInstructions + b.WarpInstructions,
        ThreadInstructions = a.ThreadInstructions + b.ThreadInstructions,
        MachineInstructions = a.MachineInstructions + b.MachineInstructions,
        Fma = a.Fma + b.Fma,
        Float = a.Float + b.Float,
        Integer = a.Integer + b.Integer,
        Move = a.Move + b.Move,
        Shared = a.Shared + b.Shared,
        Global = a.Global + b.Global,
        Control = a.Control + b.Control,
        Tensor = a.Tensor + b.Tensor,
        SectorsAsked = a.SectorsAsked + b.SectorsAsked,
        SectorsNeeded = a.SectorsNeeded + b.SectorsNeeded,
        GlobalRequests = a.GlobalRequests + b.GlobalRequests,
        SharedRequests = a.SharedRequests + b.SharedRequests,
        SharedPasses = a.SharedPasses + b.SharedPasses,
        BankConflicts = a.BankConflicts + b.BankConflicts,
    });
}
