namespace Engine.FSharp

open System
open Engine
open Engine.Graph
open Engine.Layers
open Engine.Ops

/// Says what may stand beside an operator: a variable of any kind, or a number.
[<AbstractClass; Sealed>]
type Operand =
    /// Returns the variable itself.
    static member Of(value: Variable) : Variable = value

    /// Returns a number as a constant, which takes the dtype of what it is combined with.
    static member Of(value: float) : Variable = Symbolic.Constant value

    /// Returns a whole number as a constant, which takes the dtype of what it is combined with.
    static member Of(value: int) : Variable = Symbolic.Constant(float value)

/// Has the arithmetic on variables, which is C#'s extension operators and out of F#'s sight, with a point behind each sign: F# takes
/// the bare ones for those of a type's own members.
[<AutoOpen>]
module Operators =
    /// Finds the overload of Operand.Of for a type, when the operator that calls it is compiled.
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

    /// Returns what of the left is left when the right fits into it no more.
    let inline (%.) left right = Symbolic.Mod(operand left, operand right)

    /// Returns the left raised to the right, element-wise.
    let inline ( **. ) left right = Symbolic.Power(operand left, operand right)

    /// Returns the negative.
    let inline (~-.) value = Symbolic.Negate(operand value)

    /// Returns a tensor of an array's elements with these sides, none for a single number: tensor [ 4; 2 ] [| 0f .. 7f |].
    let tensor (sides: int list) (data: 'T array) =
        Tensor.From(data, ReadOnlySpan [| data.Length |]).Reshape(ReadOnlySpan(List.toArray sides))

    /// Returns the input of samples of these sides, without the batch's.
    let input (sides: int list) : Layer = Input(ReadOnlySpan(List.toArray sides))

    /// Returns layers as NeuralNet takes them, one behind the other.
    let layers (all: Layer list) = ReadOnlySpan(List.toArray all)

    /// Returns a function of inputs, compiled: of a list of tensors a list of tensors.
    let compile (inputs: Variable list) (outputs: Variable list) =
        let compiled = Compile.Function.Compile(List.toArray inputs, List.toArray outputs)
        fun (values: Tensor list) -> compiled.Call(ReadOnlySpan(List.toArray values)) |> Array.toList
