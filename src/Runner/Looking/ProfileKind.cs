namespace Engine.Runner;

/// <summary>The values of <c>--profile</c>.</summary>
internal enum ProfileKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Times every kernel and prints a table at the end.</summary>
    Table,

    /// <summary>Marks the running parts for NVIDIA's Nsight.</summary>
    Nsight,
}
