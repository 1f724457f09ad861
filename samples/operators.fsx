// In your own folder write #r "nuget: Engine.FSharp, 0.1.0". Here the script uses what ./build.sh built.
#r "../artifacts/bin/Engine/release/Engine.dll"
#r "../artifacts/bin/FSharp/release/Engine.FSharp.dll"

open Engine
open Engine.FSharp
open Engine.Graph
open Engine.Layers
open Engine.Ops
open Engine.Training

// Rosenbrock's function, (1 - x)² + 100 (y - x²)², with its value and its gradient.
let x, y = Symbolic.Scalar "x", Symbolic.Scalar "y"
let valley = (1 -. x) **. 2 +. 100 *. (y -. x *. x) **. 2
let slopes = compile [ x; y ] [ valley; Symbolic.Grad(valley, x); Symbolic.Grad(valley, y) ]

let at (a: float32) (b: float32) =
    slopes [ tensor [] [| a |]; tensor [] [| b |] ] |> List.map (fun value -> value.AsSpan<float32>()[0])

printfn "at (0, 2): %A" (at 0f 2f)
printfn "at (1, 1): %A" (at 1f 1f)

// A custom nonlinearity in a network: x times its sigmoid, plus a tenth of x.
let leaky (x: Variable) = x *. Symbolic.Sigmoid x +. 0.1 *. x

let net =
    new NeuralNet(
        layers [ input [ 2 ]; Dense(8, leaky); Dense(2, (fun x -> Symbolic.Softmax x)) ],
        Update = Adam(learningRate = 0.05f),
        MaxEpochs = 200,
        TrainSplit = TrainSplit 0.0,
        Seed = 3UL
    )

let samples = tensor [ 4; 2 ] [| 0f; 0f; 0f; 1f; 1f; 0f; 1f; 1f |]
net.Fit(samples, [| 0; 1; 1; 0 |]) |> ignore

for i, answer in Array.indexed (net.Predict(samples).AsSpan<int>().ToArray()) do
    printfn "%d xor %d = %d" (i / 2) (i % 2) answer
