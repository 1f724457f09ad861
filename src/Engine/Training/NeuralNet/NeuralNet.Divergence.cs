using System.Globalization;
using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Contains the checks for failing trainings and their messages.</summary>
public sealed partial class NeuralNet
{
    private readonly List<TrainingWarning> _warnings = [];
    private Callback[] _told = [];
    private SafePoint? _safePoint;
    private bool _givesProbabilities;

    /// <summary>Gets the warnings so far; each kind appears once.</summary>
    public IReadOnlyList<TrainingWarning> Warnings => _warnings;

    /// <summary>Gives a warning, unless one of this kind was given before.</summary>
    internal void Warn(TrainingWarningKind kind, int? epoch, string message)
    {
        if (_warnings.Exists(warning => warning.Kind == kind))
        {
            return;
        }

        var warning = new TrainingWarning(kind, epoch, message);
        _warnings.Add(warning);
        Array.ForEach(_told, callback => callback.OnWarning(this, warning));
    }

    /// <summary>Refuses to train a classifier that gives no probabilities.</summary>
    private void RequireProbabilities(IReadOnlyList<Tensor> xs)
    {
        if (!_givesProbabilities)
        {
            foreach (OutputHead head in Initialized.Heads.Where(head => !head.IsRegression))
            {
                ProbabilityCheck.Require(Initialized.Network, head, xs, _device!);
            }

            _givesProbabilities = true;
        }
    }

    /// <summary>
    /// Restores the network to the beginning of the epoch, and finds the cause of a nan or infinite loss. For this it
    /// runs the epoch again, batch by batch, which gives the same bits.
    /// </summary>
    /// <param name="training">The training samples.</param>
    /// <param name="validation">The validation samples if the loss on them is not finite; else null.</param>
    /// <param name="epoch">The epoch's number.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="check">Gives advice.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    private DivergenceException Diverged(
        Pass training, Pass? validation, int epoch, double loss, FitCheck check, CancellationToken cancellationToken)
    {
        // No other thread may predict with the parameters that are examined here.
        TrainerGraph graph = Initialized;
        using Gate.Changing changing = graph.Gate.Change();
        int batches = training.Feeder.Batches;
        (string? layer, string where) = (null, "");
        int batch;
        bool isTrained = true;
        if (FirstBad(training, epoch, batches, cancellationToken) is { } found)
        {
            (batch, loss) = found;
            isTrained = batch > 0 || TrainHistory.Count > 0;
            FirstBad(training, epoch, batch, cancellationToken);
            (layer, where) = Culprit(training, graph.TrainingLayers, batch);
        }
        else
        {
            // The last update is the cause and no batch follows it, or only the validation samples show it.
            batch = batches - 1;
            (layer, where) = BadParameter() is { } parameter ? Of(parameter, batches)
                : validation is { Feeder.Batches: > 0 } ? CulpritOfValidation(validation, epoch)
                : (null, "It is finite when the epoch is repeated: a callback or a Transform makes the difference.");
        }

        double learningRate = RateOf(epoch, batch, batches);
        _safePoint!.Restore();
        string whose = validation is { Feeder.Batches: > 0 } ? "the loss on the validation samples" : "the loss";
        return new DivergenceException(string.Create(
            CultureInfo.InvariantCulture,
            $"The training has ended in epoch {epoch}, batch {batch + 1} of {batches}: {whose} is "
            + $"{(double.IsInfinity(loss) ? "infinite" : "nan")}. {where} The learning rate is {learningRate:G4}. Try "
            + $"{check.Advice(learningRate, isTrained)}. The network is as it was before epoch {epoch}, "
            + $"with finite parameters."))
        {
            Epoch = epoch,
            Batch = batch + 1,
            Layer = layer,
            LearningRate = learningRate,
        };
    }

    /// <summary>Returns whether a loss is nan or infinite; nan as the mean of no samples does not count.</summary>
    private static bool IsBad(double loss, SharedVariable sum) =>
        !double.IsFinite(loss) && !double.IsFinite(sum.GetScalar<double>());

    /// <summary>Whether a callback sets the learning rate.</summary>
    internal bool AdjustsRate(AdjustVariable adjust) => UpdateSettings[adjust.Setting] == Initialized.Rule.LearningRate;

    /// <summary>Returns the learning rate of a batch.</summary>
    internal double RateOf(int epoch, int batch, int batches) => PerBatch
        .Where(AdjustsRate)
        .Select(adjust => NdArray.From(adjust.Values(this, epoch, batches)).Data[batch])
        .DefaultIfEmpty(LearningRate).First();

    /// <summary>
    /// Runs up to a number of batches from the beginning of the epoch. Returns the number, from 0, and the loss of the
    /// first batch whose loss is not finite. The state afterwards is the one after that batch.
    /// </summary>
    private (int Batch, double Loss)? FirstBad(
        Pass training, int epoch, int batches, CancellationToken cancellationToken)
    {
        _safePoint!.Restore();
        StartEpoch(training, epoch);
        return FirstBad(training, Initialized.TrainLossSum, batches, cancellationToken);
    }

    private (int Batch, double Loss)? FirstBad(
        Pass pass, SharedVariable sum, int batches, CancellationToken cancellationToken)
    {
        sum.SetScalar(0.0);
        for (int batch = 0; batch < batches && !IsEnding && !cancellationToken.IsCancellationRequested; batch++)
        {
            pass.Run(1);
            if (sum.GetScalar<double>() is var loss && !double.IsFinite(loss))
            {
                return (batch, loss);
            }
        }

        return null;
    }

    /// <summary>
    /// Returns the first value that is not finite for the validation samples, with the current parameters.
    /// </summary>
    private (string? Layer, string Where) CulpritOfValidation(Pass validation, int epoch)
    {
        validation.Feeder.Start(epoch, []);
        int batch = FirstBad(
            validation, Initialized.ValidLossSum, validation.Feeder.Batches, CancellationToken.None)?.Batch ?? 0;
        validation.Feeder.Start(epoch, []);
        FirstBad(validation, Initialized.ValidLossSum, batch, CancellationToken.None);
        return Culprit(validation, Initialized.Network.Layers, batch);
    }

    /// <summary>
    /// Returns the first value that is not finite for the next batch: a parameter or a layer's output.
    /// </summary>
    private (string? Layer, string Where) Culprit(Pass pass, IReadOnlyList<NetworkLayer> layers, int batch)
    {
        if (BadParameter() is { } parameter)
        {
            return Of(parameter, batch);
        }

        // The function must use all inputs of the feeder.
        TrainerGraph graph = Initialized;
        NetworkLayer[] shown = [.. layers.Where(layer => layer.Output.DType.IsFloat())];
        Variable[] outputs =
        [
            .. shown.Select(layer => layer.Output), .. layers.Where(layer => layer.Layer is Layers.Input)
            .Select(layer => layer.Output),
            .. graph.Heads.Select(head => head.Target),
            pass.Key.IsWeighted ? graph.Weights : graph.Rows,
        ];
        using Function look = pass.Feeder.Compile([], outputs, _device!, new CompileOptions());
        int rows = pass.Feeder.Run(look, 1);
        double largest = 0;
        for (int i = 0; i < shown.Length; i++)
        {
            Variable output = shown[i].Output;
            Tensor values = Pass.Read(look, i, output.DType, output.Shape.With(0, rows));
            if (values.FirstNotFinite() is not null)
            {
                string given = shown[i].Layer is Layers.Input
                    ? "the samples as the batch iterator makes them"
                    : string.Create(CultureInfo.InvariantCulture, $"which is given values of up to {largest:G3}");
                return (shown[i].Name,
                    $"The first values that are not finite are those of layer '{shown[i].Name}', {given}.");
            }

            largest = NdArray.From(values).Data.Select(Math.Abs).DefaultIfEmpty().Max();
        }

        return (shown[^1].Name, string.Create(
            CultureInfo.InvariantCulture,
            $"All layers give finite values, the last one, '{shown[^1].Name}', of up to {largest:G3}, "
            + $"but the loss of them is "
            + $"not{(Objective is not null ? ": the Objective may take the logarithm of 0, or divide by it"
                : graph.Heads.All(head => head.IsRegression) ? "" : ": the class that is right has the probability 0")}."));
    }

    /// <summary>Describes a parameter that is not finite after a number of batches.</summary>
    private static (string? Layer, string Where) Of(Parameter parameter, int batches) => (parameter.Owner, batches == 0
        ? $"'{parameter.Variable}' of layer '{parameter.Owner}' was not finite before it."
        : $"The update of batch {batches} made '{parameter.Variable}' of layer '{parameter.Owner}' so.");

    private Parameter? BadParameter() => Initialized.Network.Parameters
        .FirstOrDefault(parameter => parameter.Variable.GetValue().FirstNotFinite() is not null);
}
