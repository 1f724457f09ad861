#:project ../src/Engine/Engine.csproj

// The level of Theano: variables, expressions, their gradient, and functions compiled from them.
using Engine;
using Engine.Compile;
using Engine.Ops;
using static Engine.Layers.Initial;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using static Engine.Training.Updates;

// The network, for any number of rows: two inputs, four hidden units, one output.
var x = Matrix("x");
var wanted = Matrix("wanted");
var w1 = Shared(GlorotUniform(2, 4), "w1");
var b1 = Shared(Zeros(4), "b1");
var w2 = Shared(GlorotUniform(4, 1), "w2");
var b2 = Shared(Zeros(1), "b2");
var y = Sigmoid(Dot(Tanh(Dot(x, w1) + b1), w2) + b2);
var loss = Mean(BinaryCrossEntropy(y, wanted));

// Two functions of it: one also moves the parameters against the gradient of the loss, the other one only computes the
// output.
using var train = Function.Compile([x, wanted], [loss], updates: Momentum(loss, [w1, b1, w2, b2], learningRate: 0.5f));
using var answer = Function.Compile([x], [y]);

Tensor inputs = Tensor.From([0f, 0f, 0f, 1f, 1f, 0f, 1f, 1f], 4, 2), xor = Tensor.From([0f, 1f, 1f, 0f], 4, 1);
for (int step = 0; step <= 500; step += 100)
{
    Console.WriteLine($"after {step,3} steps the loss is {train.Call(inputs, xor)[0].AsSpan<float>()[0]:F4}");
    train.RunMany(99, inputs, xor);
}

Console.WriteLine();
float[] answers = answer.Call(inputs)[0].AsSpan<float>().ToArray();
for (int row = 0; row < 4; row++)
{
    Console.WriteLine($"{row / 2} xor {row % 2} = {answers[row]:F3}");
}

Console.WriteLine();
Console.WriteLine("What the function with the update was compiled to:");
Console.WriteLine(train.Print(Stage.Schedule));
