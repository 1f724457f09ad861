using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Folds, cross-validation and the search over a grid of settings.</summary>
public class GridSearchTests
{
    private static readonly Tensor s_points = Toy.Clouds(90).Points;
    private static readonly int[] s_labels = Toy.Clouds(90).Labels;

    [Test]
    public void Each_sample_is_held_out_once_and_sizes_differ_by_one_in_all_and_in_each_class(
        [Values(2, 3, 7)] int count, [Values(null, 5)] int? seed)
    {
        int[] labels = [.. Enumerable.Repeat(0, 5), .. Enumerable.Repeat(1, 9), .. Enumerable.Repeat(2, 17)];

        IReadOnlyList<(int[] Train, int[] Test)> folds = new Folds(count, Seed: (ulong?)seed).Split(31, labels);

        Assert.That(folds, Has.Count.EqualTo(count));
        Assert.That(folds.SelectMany(fold => fold.Test).Order(), Is.EqualTo(Enumerable.Range(0, 31)));
        Assert.That(
            folds.Select(fold => fold.Train.Concat(fold.Test).Order()), Is.All.EqualTo(Enumerable.Range(0, 31)));
        Assert.That(folds.Select(fold => fold.Train), Is.All.Ordered.And.All.Unique);
        foreach (int[] sizes in (int[][])
        [
            [.. folds.Select(fold => fold.Test.Length)],
            .. from label in labels.Distinct()
               select folds.Select(fold => fold.Test.Count(i => labels[i] == label)).ToArray(),
        ])
        {
            Assert.That(sizes.Max() - sizes.Min(), Is.LessThanOrEqualTo(1));
        }
    }

    [Test]
    public void The_seed_alone_decides_who_is_in_which_fold()
    {
        int[] Test(ulong? seed) => new Folds(3, Seed: seed).Split(30, null)[0].Test;

        Assert.That(Test(null), Is.EqualTo(Enumerable.Range(0, 10).Select(i => 3 * i)));
        int[] first = Test(1);
        Assert.That(Test(1), Is.EqualTo(first));
        Assert.That(first, Is.Not.EqualTo(Test(2)).And.Not.EqualTo(Test(null)));
    }

    [TestCase(1, 10)]
    [TestCase(5, 4)]
    public void What_cannot_be_split_is_refused(int count, int samples) => Assert.That(
        () => new Folds(count).Split(samples, null),
        Throws.TypeOf<EngineException>().With.Message
            .StartsWith($"{samples} samples cannot be split into {count} folds"));

    [Test]
    public void A_fold_s_score_is_that_of_a_network_trained_on_the_others()
    {
        var folds = new Folds(3, Seed: 4);
        (int[] train, int[] test) = folds.Split(90, s_labels)[1];
        using NeuralNet net = Net(4, 0.1f);
        float expected = net.Fit(s_points.Rows(train), Tensor.From(s_labels).Rows(train))
            .Score(s_points.Rows(test), Tensor.From(s_labels).Rows(test));

        FoldScores scores = CrossValidation.Run(() => Net(4, 0.1f), s_points, s_labels, folds);

        Assert.That(scores.Scores, Has.Count.EqualTo(3));
        Assert.That(scores.Scores[1], Is.EqualTo(expected));
        Assert.That(scores.Scores, Is.All.InRange(0.5, 1));
    }

    [Test]
    public void Mean_and_deviation_are_those_of_arithmetic()
    {
        double[] given = [1, 2, 6];
        int next = 0;

        FoldScores scores = CrossValidation.Run(
            () => Net(4, 0.1f), s_points, s_labels, new Folds(3), (_, _, _) => given[next++]);

        Assert.That(scores.Mean, Is.EqualTo(3));
        Assert.That(scores.StandardDeviation, Is.EqualTo(Math.Sqrt(14 / 3.0)).Within(1e-12));
        Assert.That(scores.ToString(), Is.EqualTo("3.000 ± 2.160"));
    }

    [Test]
    public void The_best_of_a_grid_is_found_and_trained_anew_on_all_samples()
    {
        var grid = from hidden in new[] { 2, 8 }
                   from rate in new[] { 1e-6f, 0.2f }
                   select new { hidden, rate };
        using NeuralNet plain = Net(8, 0.2f);
        plain.Fit(s_points, s_labels);

        var found = GridSearch.Run(
            grid, p => Net(p.hidden, p.rate), s_points, s_labels, new Folds(3),
            // Of two settings that learn it, the larger one wins, so that there is one best.
            (net, x, y) => net.Score(x, y) + (net.LearnableParameters / 1000.0));
        using NeuralNet best = found.Refit();

        Assert.That(found.Candidates.Select(candidate => candidate.Parameters), Is.EqualTo(grid));
        Assert.That(found.Best.Parameters, Is.EqualTo(new { hidden = 8, rate = 0.2f }));
        Assert.That(found.Ranking.Select(candidate => candidate.Folds.Mean), Is.Ordered.Descending);
        Assert.That(Bits.Of(best), Is.EqualTo(Bits.Of(plain)));
    }

    [Test]
    public void The_table_has_the_best_first_and_points_in_its_numbers()
    {
        using var language = new CommaCulture();
        double[] given = [0.25, 0.5, 1, 0.75, double.NaN, 1];
        int next = 0;
        var told = new Told<GridScore<(string Name, double Rate)>>();

        GridSearchResult<(string Name, double Rate)> found = GridSearch.Run(
            [("a", 0.5), ("b", 1.5), ("c", 2.5)], p => Net(2, 0.1f), s_points, s_labels, new Folds(2),
            (_, _, _) => given[next++], told);

        string[] lines = found.ToString().Split('\n');
        Assert.That(lines[0], Does.Match("^ *mean +std +fold 1 +fold 2 +seconds +parameters$"));
        Assert.That(lines[2], Does.Match(@"^0\.8750 +0\.1250 +1\.0000 +0\.7500 +\d+\.\d +\(b, 1\.5\)$"));
        Assert.That(lines[3], Does.Match(@"^0\.3750 +0\.1250 +0\.2500 +0\.5000 +\d+\.\d +\(a, 0\.5\)$"));
        Assert.That(lines[4], Does.Match(@"^ +NaN +NaN +NaN +1\.0000 +\d+\.\d +\(c, 2\.5\)$"));
        Assert.That(told.All.Select(score => score.Parameters.Name), Is.EqualTo(new[] { "a", "b", "c" }));
    }

    [Test]
    public void Regression_is_scored_by_its_coefficient_of_determination()
    {
        float[] x = [.. Enumerable.Range(0, 60).Select(i => (i / 30f) - 1)];
        Tensor samples = Tensor.From(x, 60, 1), values = Tensor.From([.. x.Select(value => (2 * value) + 1)]);

        FoldScores scores = CrossValidation.Run(
            () => new NeuralNet(new Input(1), new Dense(1, Linear))
            {
                Regression = true,
                MaxEpochs = 60,
                Update = new Sgd(0.1f),
                BatchIteratorTrain = new BatchIterator(8),
                TrainSplit = new TrainSplit(0),
            },
            samples, values, new Folds(4));

        Assert.That(scores.Scores, Has.Count.EqualTo(4).And.All.GreaterThan(0.99));
    }

    [Test]
    public void Every_network_is_disposed_of_also_when_it_is_canceled()
    {
        using var cancellation = new CancellationTokenSource();
        var made = new List<NeuralNet>();
        NeuralNet Make(int hidden)
        {
            NeuralNet net = Net(hidden, 0.1f);
            net.Callbacks.Add(new LambdaCallback { EpochFinished = (_, _) => CancelFourth() });
            made.Add(net);
            return net;
        }

        void CancelFourth()
        {
            if (made.Count == 4)
            {
                cancellation.Cancel();
            }
        }

        Assert.That(
            () => GridSearch.Run(
                [2, 3, 4], Make, s_points, s_labels, new Folds(3), cancellationToken: cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());

        Assert.That(made, Has.Count.EqualTo(4));
        foreach (NeuralNet net in made)
        {
            Assert.That(net.GetParameters, Throws.TypeOf<ObjectDisposedException>());
        }
    }

    [Test]
    public void A_network_given_twice_an_empty_grid_and_unequal_numbers_are_refused()
    {
        using NeuralNet one = Net(2, 0.1f);

        Assert.That(
            () => CrossValidation.Run(() => one, s_points, s_labels),
            Throws.TypeOf<EngineException>().With.Message.Contains("The same network was given for two folds"));
        Assert.That(
            () => GridSearch.Run(Array.Empty<int>(), _ => one, s_points, s_labels),
            Throws.TypeOf<EngineException>().With.Message.Contains("the grid is empty"));
        Assert.That(
            () => CrossValidation.Run(() => one, s_points, [1, 2]),
            Throws.TypeOf<EngineException>().With.Message.Contains("there must be as many of both"));
    }

    private static NeuralNet Net(int hidden, float learningRate) => new(
        new Input(2), new Dense(hidden), new Dense(3, Softmax))
    {
        MaxEpochs = 3,
        Update = new NesterovMomentum(learningRate),
        BatchIteratorTrain = new BatchIterator(10),
        BatchIteratorTest = new BatchIterator(10),
    };

    private sealed class Told<T> : IProgress<T>
    {
        public List<T> All { get; } = [];

        public void Report(T value) => All.Add(value);
    }
}
