using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Random search, and successive halving of its settings.</summary>
public class SuccessiveHalvingTests
{
    [Test]
    public void The_same_seed_draws_the_same_settings_each_once_and_more_trials_add_to_them()
    {
        static (double, int) Draw(SearchDraw draw) => (draw.LogBetween(0.001, 1), draw.OneOf(50, 100));

        IReadOnlyList<(double Rate, int Hidden)> five = RandomSearch.Draw(5, 3, Draw),
            ten = RandomSearch.Draw(10, 3, Draw);

        Assert.That(ten.Take(5), Is.EqualTo(five));
        Assert.That(ten.Distinct().Count(), Is.EqualTo(10));
        Assert.That(ten.All(one => one.Rate is >= 0.001 and <= 1 && one.Hidden is 50 or 100));
        Assert.That(RandomSearch.Draw(1000, 3, draw => draw.LogBetween(0.001, 1)).Count(rate => rate < 0.01),
            Is.InRange(270, 400));
        Assert.That(RandomSearch.Draw(50, 3, draw => draw.Whole(1, 3)).Order(), Is.EqualTo((int[])[1, 2, 3]));
    }

    [TestCase(9, 9, 3, "9x1 3x3 1x9")]
    [TestCase(20, 10, 3, "20x2 6x4 2x10")]
    [TestCase(4, 5, 1, "4x5")]
    [TestCase(1, 5, 3, "1x5")]
    [TestCase(5, 1, 3, "5x1")]
    public void Each_round_trains_a_part_of_the_candidates_for_as_many_times_the_epochs(
        int candidates, int epochs, int factor, string rounds)
    {
        HalvingResult<int> found =
            SuccessiveHalving.Run(Enumerable.Range(0, candidates), epochs, (candidate, _) => candidate, factor);

        Assert.That(
            string.Join(' ', found.Trials.GroupBy(trial => trial.Epochs)
                .Select(round => $"{round.Count()}x{round.Key}")), Is.EqualTo(rounds));
        Assert.That(found.Best.Candidate, Is.EqualTo(candidates - 1));
        Assert.That(
            found.Ranking.Select(trial => trial.Candidate), Is.EqualTo(Enumerable.Range(0, candidates).Reverse()));
    }

    [Test]
    public void A_candidate_that_diverges_is_the_last()
    {
        HalvingResult<int> found =
            SuccessiveHalving.Run([1, 2, 3], 9, (candidate, _) => candidate == 3 ? double.NaN : candidate);

        Assert.That(found.Ranking.Select(trial => trial.Candidate), Is.EqualTo((int[])[2, 1, 3]));
        Assert.That(found.ToString(), Does.Contain("NaN"));
    }

    [Test]
    public void Wrong_numbers_are_refused() => Assert.Multiple(() =>
    {
        Assert.That(
            () => SuccessiveHalving.Run(Array.Empty<int>(), 1, (_, _) => 0), Throws.InstanceOf<EngineException>());
        Assert.That(() => SuccessiveHalving.Run([1], 0, (_, _) => 0), Throws.InstanceOf<EngineException>());
        Assert.That(() => RandomSearch.Draw(0, 1, draw => draw.Whole(1, 2)), Throws.InstanceOf<EngineException>());
        Assert.That(() => RandomSearch.Draw(1, 1, draw => draw.LogBetween(0, 2)), Throws.InstanceOf<EngineException>());
    });
}
