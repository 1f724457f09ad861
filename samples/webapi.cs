#:sdk Microsoft.NET.Sdk.Web
#:project ../src/Engine/Engine.csproj

// A trained network behind a web address: one object that all requests use at the same time.
//   dotnet run samples/webapi.cs -- --urls http://127.0.0.1:5000
//   curl http://127.0.0.1:5000/xor/1/0
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

using var net = new NeuralNet(new Input(2), new Dense(8, Tanh), new Dense(2, Softmax))
{
    Update = new NesterovMomentum(0.5f, 0.9f), MaxEpochs = 200, TrainSplit = new TrainSplit(0),
};
net.Fit(Tensor.From([0f, 0f, 0f, 1f, 1f, 0f, 1f, 1f], 4, 2), [0, 1, 1, 0]);

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(net);
var app = builder.Build();
app.MapGet("/xor/{a}/{b}", (float a, float b, NeuralNet net) =>
    net.PredictProba(Tensor.From([a, b], 1, 2)).AsSpan<float>().ToArray());
app.Run();
