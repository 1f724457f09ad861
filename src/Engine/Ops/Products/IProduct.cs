namespace Engine.Ops;

/// <summary>
/// An op whose outputs are sums of products of the elements of its inputs 0 and 1: mixed precision stores these in 16 bits.
/// </summary>
internal interface IProduct;
