using System.Reflection;
using System.Runtime.CompilerServices;
using Engine.Graph;
using Engine.Inspection;
using Engine.Layers;
using Engine.Tests.Training;
using Engine.Training;

namespace Engine.Tests;

/// <summary>Records print numbers with decimal points in every language, and no function types.</summary>
public class RecordTextTests
{
    private static IEnumerable<TestCaseData> Records()
    {
        yield return Case(new Sgd(0.01f), "Sgd { LearningRate = 0.01, Clip =  }");
        yield return Case(
            new NesterovMomentum(0.5f, 0.9f) { Clip = GradientClip.TotalNorm(2.5) },
            "LearningRate = 0.5, Clip = ByTotalNorm { Max = 2.5");
        yield return Case(new Adam(0.25f), "Adam { LearningRate = 0.25");
        yield return Case(new Full(0.5), "Full { Value = 0.5 }");
        yield return Case(new GlorotUniform(1.5), "GlorotUniform { Gain = 1.5 }");
        yield return Case(new InitialValue(new Normal(0.5, 0.25), [2]), "Normal { Std = 0.5, Mean = 0.25 }");
        yield return Case(new HorizontalFlip(0.25), "HorizontalFlip { IsRandom = True, Probability = 0.25 }");
        yield return Case(new Normalize(0.5, 1.5), "Normalize((0.5), (1.5))");
        yield return Case(new TrainSplit(0.25), "TrainSplit { EvalSize = 0.25, Stratify = True }");
        yield return Case(
            new BatchRecord(1, 2, 3, 4, 0.5), "BatchRecord { Epoch = 1, Index = 2, Count = 3, Rows = 4, Loss = 0.5 }");
        yield return Case(new SchedulePosition(2, 0, 1, 3),
            "SchedulePosition { Epoch = 2, Batch = 0, Batches = 1, Epochs = 3, Fraction = 0.5 }");
        yield return Case(new Mistake(1, 2, 3, 0.5, 0.25), "Probability = 0.5, LabelProbability = 0.25");
        yield return Case(Metric.ValidAccuracy, "Metric { Name = valid_accuracy, HigherIsBetter = True }");
        yield return Case(new CustomScore("f1", (_, _) => 1), "CustomScore { Name = f1 }");
        yield return Case(new Arg([2], Low: 0.5), "Low = 0.5");
        yield return Case(
            new EpochRecord
            {
                Epoch = 1,
                TrainLoss = 0.5,
                TrainLossBest = true,
                ValidLoss = double.NaN,
                ValidLossBest = false,
                ValidAccuracy = 0.75,
                TrainSeconds = 1.5,
                Dur = 2.5,
                Scores = new Dictionary<string, double> { ["f1"] = 0.125 },
            },
            "EpochRecord { Epoch = 1, TrainLoss = 0.5, ValidLoss = NaN, ValidAccuracy = 0.75, Dur = 2.5, f1 = 0.125 }");

        static TestCaseData Case(object record, string text) =>
            new TestCaseData(record, text).SetArgDisplayNames(record.GetType().Name);
    }

    [TestCaseSource(nameof(Records))]
    public void Their_numbers_have_points(object record, string text)
    {
        using var comma = new CommaCulture();
        Assert.That(record.ToString(), Does.Contain(text));
        Assert.That($"{0.5}", Is.EqualTo("0,5"), "the language is put back");
    }

    [Test]
    public void Each_record_with_a_number_that_has_a_point_says_how_it_prints()
    {
        Type[] records = [.. typeof(Tensor).Assembly.GetExportedTypes().Where(type =>
            type.GetMethod(
                "PrintMembers", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) is not null)];
        Assert.That(records, Has.Length.GreaterThan(30).And.Member(typeof(Sgd)));

        Assert.That(
            records.Where(type => type.GetProperties().Any(property => NeedsCare(property.PropertyType))
                && type.GetMethod(nameof(ToString), [])!.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false)),
            Is.Empty);

        static bool NeedsCare(Type type) =>
            type == typeof(float) || type == typeof(double) || type.IsSubclassOf(typeof(Delegate))
                || (type.IsGenericType && type.IsValueType && type.GetGenericArguments().Any(NeedsCare));
    }
}
