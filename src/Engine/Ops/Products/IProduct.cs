namespace Engine.Ops;

/// <summary>
/// Represents an op whose outputs are sums of products of the elements of its inputs 0 and 1. Mixed precision stores
/// these inputs in 16 bits.
/// </summary>
internal interface IProduct;
