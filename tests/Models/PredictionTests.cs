using System.Text.Json;
using Engine.Models;
using Engine.Training;

namespace Engine.Tests.Models;

/// <summary>What a web API answers with is JSON whatever the numbers are.</summary>
public class PredictionTests
{
    private static IEnumerable<TestCaseData> Answers =>
    [
        new(new Prediction([new("cat", 0.75), new("dog", 0.25)], double.NaN),
            """{"Classes":[{"Class":"cat","Probability":0.75},{"Class":"dog","Probability":0.25}],"Value":null,"Class":"cat","Probability":0.75}"""),
        new(new Prediction([], 12.5), """{"Classes":[],"Value":12.5,"Class":null,"Probability":null}"""),
        new(new Prediction([], double.PositiveInfinity),
            """{"Classes":[],"Value":null,"Class":null,"Probability":null}"""),
        new(new Prediction([new("cat", double.NaN)], double.NaN),
            """{"Classes":[{"Class":"cat","Probability":null}],"Value":null,"Class":"cat","Probability":null}"""),
    ];

    [TestCaseSource(nameof(Answers))]
    public void A_prediction_is_json_as_it_stands(Prediction prediction, string json)
    {
        Assert.That(JsonSerializer.Serialize(prediction), Is.EqualTo(json));
        Assert.That(JsonSerializer.Serialize(JsonSerializer.Deserialize<Prediction>(json)), Is.EqualTo(json));
    }

    [Test]
    public void An_epoch_without_validation_is_json_too() => Assert.That(
        JsonSerializer.Serialize(new EpochRecord
        {
            Epoch = 1,
            TrainLoss = 0.5,
            TrainLossBest = true,
            ValidLoss = double.NaN,
            ValidLossBest = false,
            ValidAccuracy = double.NaN,
            TrainSeconds = 1,
            Dur = 1,
            Scores = new Dictionary<string, double> { ["f1"] = double.NaN },
        }),
        Does.Contain("\"ValidLoss\":null").And.Contain("\"f1\":null"));
}
