using System.Diagnostics.CodeAnalysis;
using Engine.Configuration;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Specifies the values of --precision, with the names of the command line.</summary>
[SuppressMessage("Style", "IDE1006", Justification = "The names are words of the command line.")]
internal enum TrainingPrecision
{
    /// <summary>Numbers of 32 bits.</summary>
    float32,

    /// <summary>Numbers of 32 bits; on CUDA, products round them to TF32.</summary>
    tf32,

    /// <summary>Mixed precision with bfloat16.</summary>
    bf16,

    /// <summary>Mixed precision with float16.</summary>
    fp16,
}

/// <summary>Provides the settings for each value of --precision.</summary>
internal static class TrainingPrecisions
{
    public static Precision ForNet(this TrainingPrecision? precision) => precision switch
    {
        TrainingPrecision.bf16 => Precision.MixedBFloat16,
        TrainingPrecision.fp16 => Precision.MixedFloat16,
        _ => Precision.Full,
    };

    /// <summary>Returns the configuration with the precision's setting for the device.</summary>
    public static EngineOptions With(this EngineOptions options, TrainingPrecision? precision) => precision switch
    {
        TrainingPrecision.tf32 => options with { TensorFloat32 = true },
        TrainingPrecision.float32 => options with { TensorFloat32 = false },
        _ => options,
    };
}
