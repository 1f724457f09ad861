using Engine;
using Engine.Data;
using Engine.Models;
using Engine.Server;

const string File = "fruit.model";
if (!System.IO.File.Exists(File))
{
    // A first model: replace it with one that `runner train` or Model.Save wrote.
    Fruit[] fruits = [.. Enumerable.Range(0, 200).Select(i => i % 2 == 0 ? new Fruit(140 + (i % 60), "red", "apple") : new Fruit(70 + (i % 50), "yellow", "lemon"))];
    using Model first = Model.Train(new DataSet("fruit", Table.Of(fruits), nameof(Fruit.Kind)), new ModelOptions { Epochs = 20 });
    first.Save(File);
}

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddNeuralNet(File);
WebApplication app = builder.Build();

// One model for all requests, without a lock: any number of threads may predict.
app.MapPost("/predict", (Dictionary<string, object?> row, Model model) =>
{
    try
    {
        return Results.Ok(model.PredictOne(row.ToDictionary(pair => pair.Key, pair => (object?)pair.Value?.ToString())));
    }
    catch (EngineException error)
    {
        return Results.BadRequest(new { error = error.Message });
    }
});
app.Run();

internal sealed record Fruit(double Weight, string Color, string Kind);
