// In your own folder: #r "nuget: Engine, 0.1.0". Here: the library that ./build.sh built.
#r "../artifacts/bin/Engine/release/Engine.dll"

open System
open Engine
open Engine.Layers
open Engine.Ops
open Engine.Training

// F# does not see C#'s extension operators on variables; these are the same.
let (+.) (a: Graph.Variable) (b: Graph.Variable) = Symbolic.Add(a, b)
let ( *. ) (a: Graph.Variable) (b: Graph.Variable) = Symbolic.Multiply(a, b)

let inputs = Tensor.From([| 0f; 0f; 0f; 1f; 1f; 0f; 1f; 1f |], ReadOnlySpan [| 4; 2 |])
let labels = [| 0; 1; 1; 0 |]

// A custom nonlinearity: x times its sigmoid.
let swish (x: Graph.Variable) = x *. Symbolic.Sigmoid x

let net =
    new NeuralNet(
        ReadOnlySpan [| Input(ReadOnlySpan [| 2 |]) :> Layer
                        Dense(8, swish) :> Layer
                        Dense(2, fun x -> Symbolic.Softmax x) :> Layer |],
        Update = Adam(learningRate = 0.05f),
        MaxEpochs = 200,
        TrainSplit = TrainSplit(0.0),
        Seed = 3UL
    )

net.Fit(inputs, labels) |> ignore
printfn "after %d epochs the loss is %.4f" net.TrainHistory.Count (Seq.last net.TrainHistory).TrainLoss

let predicted = net.Predict(inputs).AsSpan<int>().ToArray()
for i in 0 .. 3 do
    printfn "%d xor %d = %d" (i / 2) (i % 2) predicted[i]

// The graph alone: its value and its gradient.
let x = Symbolic.Vector "x"
let f = Compile.Function.Compile([| x :> Graph.Variable |], [| swish x +. x |])
let one = Tensor.From([| 1f |], ReadOnlySpan<int>())
let sum = f.Call(ReadOnlySpan [| one |])
printfn "swish 1 + 1 = %.4f" (sum[0].AsSpan<float32>().ToArray()[0])
