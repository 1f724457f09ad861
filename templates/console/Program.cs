using Engine.Data;
using Engine.Models;

// Your own table: new Csv("houses.csv") { Target = "price" }.Load(), or new ImageFolder("photos").Load().
DataSet data = new DataSet("fruit", Table.Of(Fruits()), Target: nameof(Fruit.Kind)).WithTest();

using Model model = Model.Train(data, new ModelOptions { Epochs = 30 });
Console.WriteLine(model.Test(data.Test!));
model.Save("fruit.model");

Prediction one = model.PredictRecord(new Fruit(171.5, "red", ""));
Console.WriteLine($"171.5 g and red: {one.Class}, {one.Probability:P0}");

static IEnumerable<Fruit> Fruits()
{
    var random = new Random(1);
    for (int i = 0; i < 200; i++)
    {
        yield return i % 2 == 0
            ? new Fruit(140 + (60 * random.NextDouble()), random.Next(3) == 0 ? "yellow" : "red", "apple")
            : new Fruit(70 + (50 * random.NextDouble()), "yellow", "lemon");
    }
}

internal sealed record Fruit(double Weight, string Color, string Kind);
