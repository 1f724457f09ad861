namespace Engine.Runner;

/// <summary>What <c>--profile</c> does.</summary>
internal enum ProfileKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Times every kernel and prints a table at the end.</summary>
    Table,

    /// <summary>Names what runs to NVIDIA's Nsight.</summary>
    Nsight,
}
