namespace Engine.FSharp

open System
open Engine
open Engine.Graph
open Engine.Layers
open Engine.Ops

/// Defines what may be an operand: a variable of any kind, or a number.
[<AbstractClass; Sealed>]
type Operand =
    /// Returns the variable itself.
    static member Of(value: Variable) : Variable = value

    /// Returns a number as a constant, which takes the dtype of what it is combined with.
    static member Of(value: float) : Variable = Symbolic.Constant value

    /// Returns a whole number as a constant, which takes the dtype of what it is combined with.
    static member Of(value: int) : Variable = Symbolic.Constant(float value)

/// Provides arithmetic on variables, which in C# are extension operators that F# does not see. Each operator has a
/// point after its sign, because F# resolves the bare operators to members of the type itself.
[<AutoOpen>]
module Operators =
    /// Calls the overload of Operand.Of for the value's type, which F# finds at compile time.
    let inline operandOf (_: ^w) (value: ^a) : Variable =
        ((^w or ^a): (static member Of: ^a -> Variable) value)

    /// Returns a variable or a number as a variable.
    let inline operand value = operandOf Unchecked.defaultof<Operand> value

    /// Returns the element-wise sum.
    let inline (+.) left right = Symbolic.Add(operand left, operand right)

    /// Returns the element-wise difference.
    let inline (-.) left right = Symbolic.Subtract(operand left, operand right)

    /// Returns the element-wise product.
    let inline ( *. ) left right = Symbolic.Multiply(operand left, operand right)

    /// Returns the element-wise quotient.
    let inline (/.) left right = Symbolic.Divide(operand left, operand right)

    /// Returns the element-wise remainder of left / right.
    let inline (%.) left right = Symbolic.Mod(operand left, operand right)

    /// Returns left to the power of right, element-wise.
    let inline ( **. ) left right = Symbolic.Power(operand left, operand right)

    /// Returns the negative.
    let inline (~-.) value = Symbolic.Negate(operand value)

    /// Returns a tensor of an array's elements with these dimensions: tensor [ 4; 2 ] [| 0f .. 7f |]. A scalar has no dimensions.
    let tensor (dimensions: int list) (data: 'T array) =
        Tensor.From(data, ReadOnlySpan [| data.Length |]).Reshape(ReadOnlySpan(List.toArray dimensions))

    /// Returns the input layer for samples of these dimensions, without the batch.
    let input (dimensions: int list) : Layer = Input(ReadOnlySpan(List.toArray dimensions))

    /// Returns a list of layers in the form that NeuralNet takes.
    let layers (all: Layer list) = ReadOnlySpan(List.toArray all)

    /// Compiles a function that takes a list of tensors and returns a list of tensors.
    let compile (inputs: Variable list) (outputs: Variable list) =
        let compiled = Compile.Function.Compile(List.toArray inputs, List.toArray outputs)
        fun (values: Tensor list) -> compiled.Call(ReadOnlySpan(List.toArray values)) |> Array.toList
