using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>The outcome of looking for a native library.</summary>
/// <param name="Handle">The loaded library; 0 if there is none.</param>
/// <param name="Path">The name or path under which it was found.</param>
/// <param name="Tried">Every name and path tried, in order, the one found included.</param>
internal sealed record NativeLibrarySearch(nint Handle, string? Path, IReadOnlyList<string> Tried)
{
    public bool IsFound => Handle != 0;

    /// <summary>
    /// Tries the names in some folders, then as the system's loader finds them, then in further folders.
    /// </summary>
    public static NativeLibrarySearch Run(
        IReadOnlyList<string> names, IEnumerable<string> foldersBefore, IEnumerable<string> foldersAfter)
    {
        var tried = new List<string>();
        IEnumerable<string> candidates = [
            .. foldersBefore.SelectMany(folder => names.Select(name => System.IO.Path.Combine(folder, name))),
            .. names,
            .. foldersAfter.SelectMany(folder => names.Select(name => System.IO.Path.Combine(folder, name))),
        ];
        foreach (string candidate in candidates)
        {
            tried.Add(candidate);
            if (NativeLibrary.TryLoad(candidate, out nint handle))
            {
                return new NativeLibrarySearch(handle, candidate, tried);
            }
        }

        return new NativeLibrarySearch(0, null, tried);
    }

    /// <summary>Whether the library exports an entry point: older versions lack the newer ones.</summary>
    public bool Exports(string entryPoint) => IsFound && NativeLibrary.TryGetExport(Handle, entryPoint, out _);
}
