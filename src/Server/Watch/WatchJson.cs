using System.Buffers;
using System.Text;
using System.Text.Json;
using Engine.Training;

namespace Engine.Server;

/// <summary>Writes the events of a training's page as JSON. Numbers that are not finite are null.</summary>
internal static class WatchJson
{
    private const int MaxFilters = 32;

    /// <summary>Returns the network, before the first epoch.</summary>
    public static string Begin(NeuralNet net) => Write(json =>
    {
        json.WriteNumber("parameters", net.LearnableParameters);
        json.WriteNumber("epochs", net.TrainHistory.Count + net.MaxEpochs);
        json.WriteBoolean("classifier", !net.Regression);
        json.WriteStartArray("layers");
        foreach (LayerSummary layer in net.Layers)
        {
            json.WriteStringValue($"{layer.Name}  {layer.Kind}  {string.Join('×', layer.OutputShape.Skip(1))}");
        }

        json.WriteEndArray();
    });

    /// <summary>Returns an epoch's figures.</summary>
    public static string Epoch(EpochRecord epoch, double learningRate) => Write(json =>
    {
        json.WriteNumber("epoch", epoch.Epoch);
        Number(json, "train_loss", epoch.TrainLoss);
        Number(json, "valid_loss", epoch.ValidLoss);
        Number(json, "valid_accuracy", epoch.ValidAccuracy);
        Number(json, "seconds", epoch.Dur);
        Number(json, "wait", epoch.WaitSeconds);
        Number(json, "learning_rate", learningRate);
    });

    /// <summary>Returns the progress of an epoch.</summary>
    public static string Progress(TrainingProgress progress) => Write(json =>
    {
        json.WriteNumber("epoch", progress.Epoch);
        json.WriteNumber("epochs", progress.LastEpoch);
        json.WriteNumber("done", progress.Batch);
        json.WriteNumber("batches", progress.Batches);
        Number(json, "samples_per_second", progress.Samples / progress.Elapsed.TotalSeconds);
    });

    /// <summary>Returns a sentence.</summary>
    public static string Text(string text) => Write(json => json.WriteString("text", text));

    /// <summary>
    /// Returns the filters of the first convolution, in color if its input has three planes; null if there is none.
    /// </summary>
    public static string? Filters(NeuralNet net)
    {
        (string name, Tensor weights) = net.GetParameters()
            .FirstOrDefault(parameter => parameter.Value.Shape.Rank == 4);
        if (weights is null)
        {
            return null;
        }

        (int count, int planes, int height, int width) =
            (weights.Shape[0], weights.Shape[1], weights.Shape[2], weights.Shape[3]);
        int shown = planes == 3 ? 3 : 1, area = height * width;
        float[] values = weights.Cast(DType.Float32).AsSpan<float>().ToArray();
        return Write(json =>
        {
            json.WriteString("layer", name.Split('.')[0]);
            json.WriteNumber("planes", shown);
            json.WriteNumber("height", height);
            json.WriteNumber("width", width);
            json.WriteStartArray("filters");
            for (int filter = 0; filter < Math.Min(count, MaxFilters); filter++)
            {
                json.WriteStartArray();
                for (int i = 0; i < shown * area; i++)
                {
                    json.WriteNumberValue(float.IsFinite(values[(filter * planes * area) + i])
                        ? MathF.Round(values[(filter * planes * area) + i], 4)
                        : 0);
                }

                json.WriteEndArray();
            }

            json.WriteEndArray();
        });
    }

    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
