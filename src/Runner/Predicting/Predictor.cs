using System.Globalization;
using Engine.Data;
using Engine.Data.Pictures;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Predicts images with a trained network, and writes the predictions.</summary>
internal sealed class Predictor(
    NeuralNet net, ModelFile model, PredictOptions options, TextWriter output, TextWriter errors)
{
    private const int Max = 3;

    // The images per batch; at most this many are in memory.
    private const int PicturesAtOnce = 128;

    private const int WidestName = 40;

    private int Classes => net.Classes;

    private bool IsForPeople => options.Format == PredictionFormat.Text && options.File is null;

    /// <summary>
    /// Predicts picture files. A file that cannot be read is reported, and the others are still predicted.
    /// </summary>
    /// <returns>The exit code.</returns>
    public int OnPictures(IReadOnlyList<string> paths, int? threads, CancellationToken cancellation)
    {
        if (model.Classes.Count == 0)
        {
            errors.WriteLine($"NOTE: {options.Load} does not name its classes; they are told by their numbers.");
        }

        if (model.IsSynthetic)
        {
            errors.WriteLine($"NOTE: {options.Load} was trained on drawn images, not on photographs.");
        }

        int broken = 0, width = Math.Min(paths.Max(path => path.Length), WidestName);
        var writer = new PredictionWriter(output, options.Format, ofFiles: true, Math.Min(Max, Classes), width);
        foreach (string[] some in paths.Chunk(PicturesAtOnce))
        {
            cancellation.ThrowIfCancellationRequested();
            (Tensor images, string[] read, string[] complaints) = Read(some, threads);
            foreach ((string path, IReadOnlyList<(string, double)> best) in read.Zip(Best(images, model.ClassName)))
            {
                writer.Write(new Prediction(path, Truth: null, best));
            }

            Array.ForEach(complaints, errors.WriteLine);
            broken += complaints.Length;
        }

        writer.End();
        if (broken > 0 && paths.Count > 1)
        {
            errors.WriteLine($"{broken} of {paths.Count} pictures could not be read.");
        }

        return broken == 0 ? CommandLine.Done : CommandLine.Failed;
    }

    /// <summary>
    /// Predicts the first test images of the data set, and prints the accuracy on all of them.
    /// </summary>
    /// <returns>The exit code.</returns>
    public async Task<int> OnTestImages(CancellationToken cancellation)
    {
        Cifar10Set data = await CifarTraining.LoadSet(
            options.Data, images: null, options.Quiet || !IsForPeople, cancellation);
        Tensor images = ImageInput.Prepare(model.Network, data.Test.Images);
        var writer = new PredictionWriter(output, options.Format, ofFiles: false, Math.Min(Max, Classes), width: 5);
        int i = 0;
        foreach (IReadOnlyList<(string, double)> best in Best(
            data.Test.Images.Rows(0, Math.Min(options.Count, data.Test.Count)), label => data.ClassNames[label]))
        {
            string truth = data.ClassNames[data.Test.Labels.AsSpan<int>()[i]];
            writer.Write(new Prediction(i++.ToString(CultureInfo.InvariantCulture), truth, best));
        }

        writer.End();
        CifarTraining.PrintAccuracy(
            net.Score(images, data.Test.Labels), data.IsSynthetic, IsForPeople ? output : errors);
        return CommandLine.Done;
    }

    /// <summary>Reads pictures in parallel.</summary>
    /// <returns>The pictures that could be read, their names, and the errors of the others.</returns>
    private static (Tensor Images, string[] Read, string[] Complaints) Read(string[] paths, int? threads)
    {
        const int Pixels = 3 * ImageInput.Side * ImageInput.Side;
        byte[] planes = new byte[paths.Length * Pixels];
        string?[] complaints = new string?[paths.Length];
        var atOnce = new ParallelOptions { MaxDegreeOfParallelism = threads ?? Environment.ProcessorCount };
        Parallel.For(0, paths.Length, atOnce, i =>
        {
            try
            {
                PictureReader.Read(paths[i], ImageInput.Side, planes.AsSpan(i * Pixels, Pixels));
            }
            catch (EngineException error)
            {
                complaints[i] = error.Message;
            }
        });
        var images = Tensor.From(planes, paths.Length, 3, ImageInput.Side, ImageInput.Side);
        int[] good = [.. Enumerable.Range(0, paths.Length).Where(i => complaints[i] is null)];
        return (
            good.Length == paths.Length ? images : images.Rows(good),
            [.. good.Select(i => paths[i])],
            [.. complaints.OfType<string>()]);
    }

    /// <summary>Returns the most probable classes of each image, uint8 (n, 3, side, side).</summary>
    private IEnumerable<IReadOnlyList<(string Class, double Probability)>> Best(Tensor images, Func<int, string> name)
    {
        NdArray probabilities = NdArray.From(net.PredictProba(ImageInput.Prepare(model.Network, images)));
        for (int i = 0; i < probabilities.Shape[0]; i++)
        {
            yield return [.. Enumerable.Range(0, Classes)
                .Select(c => (Class: c, Probability: probabilities[i, c]))
                .OrderByDescending(one => one.Probability)
                .Take(Max)
                .Select(one => (name(one.Class), one.Probability))];
        }
    }
}
