using System.Globalization;
using Engine.Inspection;
using Engine.Plots;

namespace Engine.Runner.Report;

/// <summary>Creates a page with all results of a training and of its network.</summary>
internal static class ReportPage
{
    /// <summary>Returns the page.</summary>
    /// <param name="histories">The trainings of the history file.</param>
    /// <param name="historyPath">That file; null for a training that has just ended.</param>
    /// <param name="model">The network.</param>
    /// <param name="modelPath">Its file.</param>
    /// <param name="pictures">The network's pictures.</param>
    /// <param name="made">When the page is made.</param>
    public static string Write(
        IReadOnlyList<History> histories, string? historyPath, TestedModel model, string modelPath,
        ModelPictures pictures, DateTime made)
    {
        var page = new Html();
        string name = model.DataName ?? model.Model.Network.Name ?? Path.GetFileNameWithoutExtension(modelPath);
        page.Add($"<header>\n<h1>{Html.Text(name)}</h1>");
        string when = made.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture);
        page.Add($"<p>Training and test of {Html.Text(Path.GetFileName(modelPath))}, {when}</p>\n</header>");
        Summary(page, histories, model);
        Curves(page, histories);
        Layers(page, LayerTable.Of(model.Net));
        Classes(page, model, pictures.Confusion);
        Importance(page, model);
        Section(page, pictures.Mistakes, "Test images with what they are and what they are taken for");
        Section(page, pictures.Maps,
            "For each image where covering it loses probability, and which pixels move the score");
        Section(page, pictures.Filters, "A tile for each filter of the first layer, colored by its weights");
        string command = Html.Text(historyPath is null
            ? $"{CommandLine.Name} train" : $"{CommandLine.Name} report {historyPath} {modelPath}");
        page.Add($"<footer><p>Made by <code>{command}</code>.</p></footer>");
        return page.Page($"{name}: training report");
    }

    private static void Summary(Html page, IReadOnlyList<History> histories, TestedModel model) =>
        page.Section("Summary", () =>
    {
        ConfusionMatrix? confusion = model.Confusion;
        // With several trainings, each has its own figures below; the model belongs to one of them.
        History? only = histories is [History one] ? one : null;
        EpochFigures[] epochs = [.. histories.SelectMany(history => history.Epochs)];
        EpochFigures? best = epochs.Where(epoch => double.IsFinite(epoch.ValidAccuracy))
            .MaxBy(epoch => epoch.ValidAccuracy);
        page.List(
            "main",
            confusion is not null
                ? ("Test accuracy", Exact(confusion.Accuracy),
                    $"{confusion.Correct:N0} of {confusion.Total:N0} {model.Noun}")
                : ("R² of the test", Number(model.Report.Metrics["r2"]), $"{model.Count:N0} rows"),
            ("Best validation accuracy", best is null ? null : Exact(best.ValidAccuracy), $"epoch {best?.Epoch}"),
            ("Training time", only is null ? null : Seconds(epochs.Sum(epoch => epoch.Seconds)), Epochs(epochs.Length)),
            ("Parameters", $"{model.Net.LearnableParameters:N0}", "learnable"));
        string devices = string.Join(", ", histories.Select(history => history.Device).OfType<string>().Distinct());
        page.List(
            "more",
            ("Network", model.Model.Network.Name, Kinds(model)),
            ("Trained on", model.DataName ?? Trained(histories), null),
            ("Device", devices.Length > 0 ? devices : "not recorded", $"tested on {model.DeviceName}"),
            ("Last epoch", only is null ? null : Loss(only.Epochs[^1]), Accuracy(only?.Epochs[^1])),
            ("Batch", $"{model.Model.Network.Batch:N0} {model.Noun}", null),
            ("Update", Words(model.Model.Network.Update.Name), string.Join(", ", model.Model.Network.Update.Settings
                .Where(setting => model.Model.Network.UpdateSettings.Value(setting.Name) is not null)
                .Select(setting => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Words(setting.Name)} {model.Model.Network.UpdateSettings.Value(setting.Name)}")))));
        bool isDrawn = model.Model.IsSynthetic || histories.Any(history => history.IsSynthetic);
        if (Drawn(isDrawn, model.IsSynthetic) is { } drawn)
        {
            Warn(page, drawn);
        }

        page.Add("<h3>Figures of the test</h3>").List(
            "more", model.Report.Metrics.Select(pair => (
                pair.Key.Replace('_', ' '), (string?)pair.Value.ToString(
                    "G4", CultureInfo.InvariantCulture), (string?)null)));
        if (confusion is not null && only?.TestAccuracy is { } recorded
            && Math.Abs(recorded - confusion.Accuracy) > 5e-4)
        {
            Warn(
                page,
                $"The history says {Exact(recorded)} on the test images: it is of another training, "
                + $"or of other images.");
        }

        if (only is null)
        {
            page.Add("<h3>Trainings</h3>").Table(
                "Trainings", ["training", ">epochs", ">best validation accuracy", ">last loss", ">seconds", "device"],
                histories.Select(history => (IReadOnlyList<string>)
                [
                    history.Name, $"{history.Epochs.Count}", Percent(history.Epochs.Max(epoch => epoch.ValidAccuracy)),
                    Number(history.Epochs[^1].TrainLoss), $"{history.Epochs.Sum(epoch => epoch.Seconds):F1}",
                    history.Device ?? "",
                ]));
        }
    });

    private static void Curves(Html page, IReadOnlyList<History> histories) => page.Section("Learning curves", () =>
    {
        TrainingCurves[] curves = [.. histories.Select(history => history.ToCurves())];
        page.Picture(
            "Training and validation loss, and validation accuracy, epoch by epoch",
            (width, theme) => LearningCurves.Draw(curves, width, width < 600 ? 520 : 360, theme: theme),
            isDrawing: true);
    });

    private static void Layers(Html page, LayerTable table) => page.Section("Layers", () =>
    {
        page.Table(
            "Layers",
            [.. table.Columns.Select((column, i) => i is 1 or 2 or 3 ? column : $">{column}")], table.Rows, named: 1);
        page.Note($"{table.Totals}. The memory is that of a layer's output for one sample.");
        if (table.HasFields)
        {
            page.Note(
                "Field: the part of the image that a value may depend on, in pixels. Cap. and cov.: nolearn's learning "
                + "capacity (filter by field; less than 16.7 % is low) and coverage of the image (field by image; more "
                + "than 100 % is high), in whose field the windows of pooling do not count.");
            foreach (string warning in table.Warnings)
            {
                Warn(page, warning);
            }
        }
    });

    private static void Classes(Html page, TestedModel model, ModelPicture? picture)
    {
        if (model.Confusion is { } confusion)
        {
            page.Section("Classes", () => Classes(page, model, confusion, picture));
        }
    }

    private static void Classes(Html page, TestedModel model, ConfusionMatrix confusion, ModelPicture? picture)
    {
        if (picture is not null)
        {
            page.Picture(
                $"Confusion matrix: {Percent(confusion.Accuracy)} of the {model.Noun} are on the diagonal; "
                + $"the table below has more",
                (width, theme) => picture.Draw(Math.Min(width, 720), null, null, theme), wide: 720, isDrawing: true);
        }

        page.Add("<h3>Each class</h3>").Table(
            "Classes", ["class", $">{model.Noun}", ">recognized", ">right when said", ">F1", "most often taken for"],
            Enumerable.Range(0, confusion.Classes).Select(label => (IReadOnlyList<string>)
            [
                model.Classes[label], $"{confusion.Samples(label):N0}", Percent(confusion.Recall(label)),
                Percent(confusion.Precision(label)), Number(confusion.F1(label)), MaxTakenFor(model, confusion, label),
            ]));
        page.Note(
            $"Recognized: of the {model.Noun} of the class (recall). "
            + $"Right when said: of the {model.Noun} taken for it (precision). F1: both in one.");
        (RateCurve[] rocs, RateCurve calibration) = QualityFigures.Of(model);
        page.Add("<h3>How well they are told apart, and how sure it is</h3>").Picture(
            "Receiver's operating characteristic of each class, and how often it is right beside how sure it is",
            (width, theme) => QualityCurves.Draw(rocs, calibration, width, width < 600 ? 700 : 400, theme),
            isDrawing: true);
        if (model.Classes.Count > rocs.Length && model.Classes.Count > 2)
        {
            page.Note($"The {rocs.Length} classes of {model.Classes.Count} that are told apart worst.");
        }

        page.Add("<h3>How sure, how right</h3>").Table(
            "Calibration", [$">{model.Noun}", ">sure", ">right"],
            Metrics.Calibration(model.Labels!.AsSpan<int>(), model.Probabilities).Select(bin => (IReadOnlyList<string>)
            [
                $"{bin.Count:N0}", Percent(bin.Confidence), Percent(bin.Accuracy),
            ]));
        page.Note(
            "Sure: the mean probability of what they are taken for. Right: the part of them that is. "
            + "The two should be alike.");
    }

    /// <summary>Adds the importance of each column, if there are columns.</summary>
    private static void Importance(Html page, TestedModel model)
    {
        if (model.Importance.Count > 0)
        {
            page.Section("Columns", () =>
            {
                bool areClasses = model.Confusion is not null;
                page.Table(
                    "Columns", ["column", areClasses ? ">points of accuracy" : ">R²"],
                    model.Importance.Select(one => (IReadOnlyList<string>)
                    [
                        one.Column,
                        areClasses ? (100 * one.Loss).ToString("F1", CultureInfo.InvariantCulture) : Number(one.Loss),
                    ]));
                page.Note(
                    "How much is lost when a column's values are dealt out anew among the rows (permutation "
                    + "importance).");
            });
        }
    }

    private static void Section(Html page, ModelPicture? picture, string alt)
    {
        if (picture is not null)
        {
            page.Section(picture.Title, () =>
            {
                page.Picture(alt, (width, theme) => picture.Draw(width, null, null, theme));
                if (picture.Note is not null)
                {
                    page.Note(picture.Note);
                }
            });
        }
    }

    private static void Warn(Html page, string text) => page.Add($"<p class=\"warning\">{Html.Text(text)}</p>");

    private static string MaxTakenFor(TestedModel model, ConfusionMatrix confusion, int label)
    {
        int other = Enumerable.Range(0, confusion.Classes).Where(c => c != label).MaxBy(c => confusion[label, c]);
        int count = confusion[label, other];
        return count == 0 || confusion.Samples(label) == 0
            ? ""
            : $"{model.Classes[other]} ({Percent((double)count / confusion.Samples(label))})";
    }

    /// <summary>Returns a warning if images were drawn; null if none were.</summary>
    private static string? Drawn(bool isTraining, bool isTest) => (isTraining, isTest) switch
    {
        (true, true) =>
            "Trained and tested on drawn images, not on CIFAR-10: the accuracies say nothing about CIFAR-10.",
        (true, _) => "Trained on drawn images and tested on photographs, which it has never seen.",
        (_, true) => "Trained on photographs and tested on drawn images, which it has never seen.",
        _ => null,
    };

    private static string Trained(IReadOnlyList<History> histories) =>
        histories.Any(history => history.IsSynthetic) ? "drawn images" : "CIFAR-10";

    private static string Kinds(TestedModel model) =>
        string.Join(", ", model.Net.Layers.Skip(1).CountBy(layer => layer.Kind)
        .Select(pair => $"{pair.Value} {pair.Key}"));

    private static string Words(string key) => key.Replace('_', ' ');

    private static string Epochs(int count) => count == 1 ? "1 epoch" : $"{count} epochs";

    private static string Loss(EpochFigures epoch) => $"loss {Number(epoch.TrainLoss)}"
        + (double.IsFinite(epoch.ValidLoss) ? $" / {Number(epoch.ValidLoss)}" : "");

    private static string? Accuracy(EpochFigures? epoch) => epoch is null ? null
        : double.IsFinite(epoch.ValidAccuracy) ? $"training / validation; {100 * epoch.ValidAccuracy:F2} % right"
            : double.IsFinite(epoch.ValidLoss) ? "training / validation" : "training";

    private static string Number(double value) =>
        double.IsNaN(value) ? "" : value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Percent(double share) => double.IsFinite(share) ? $"{100 * share:F1} %" : "";

    private static string Exact(double share) => $"{100 * share:F2} %";

    private static string Seconds(double seconds) => seconds switch
    {
        < 120 => $"{seconds:F1} s",
        < 7200 => $"{(int)seconds / 60} min {(int)seconds % 60} s",
        _ => $"{(int)seconds / 3600} h {(int)seconds / 60 % 60} min",
    };
}
