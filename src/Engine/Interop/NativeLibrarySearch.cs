using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>The outcome of looking for a native library.</summary>
/// <param name="Handle">The loaded library; 0 if there is none.</param>
/// <param name="Path">The name or path under which it was found.</param>
/// <param name="Tried">
/// Every name and path tried, in order, the one found included; one that is there but does not load is said to be so.
/// </param>
internal sealed record NativeLibrarySearch(nint Handle, string? Path, IReadOnlyList<string> Tried)
{
    public bool IsFound => Handle != 0;

    /// <summary>
    /// Tries the names in some folders, then as the system's loader finds them, then in further folders.
    /// </summary>
    /// <param name="names">What the library's versions are called, the one preferred first.</param>
    /// <param name="foldersBefore">Where to look before the loader does.</param>
    /// <param name="foldersAfter">Where to look if it finds nothing.</param>
    /// <param name="needed">
    /// The library that one of these names needs beside it; the loader does not look there by itself.
    /// </param>
    public static NativeLibrarySearch Run(
        IReadOnlyList<string> names,
        IEnumerable<string> foldersBefore,
        IEnumerable<string> foldersAfter,
        Func<string, string>? needed = null)
    {
        var tried = new List<string>();
        IEnumerable<string> candidates = [
            .. foldersBefore.SelectMany(folder => names.Select(name => System.IO.Path.Combine(folder, name))),
            .. names,
            .. foldersAfter.SelectMany(folder => names.Select(name => System.IO.Path.Combine(folder, name))),
        ];
        foreach (string candidate in candidates)
        {
            if (needed is not null && System.IO.Path.GetDirectoryName(candidate) is { Length: > 0 } folder)
            {
                string beside = needed(System.IO.Path.GetFileName(candidate));
                _ = NativeLibrary.TryLoad(System.IO.Path.Combine(folder, beside), out _);
            }

            bool isLoaded = NativeLibrary.TryLoad(candidate, out nint handle);
            tried.Add(isLoaded || !File.Exists(candidate) ? candidate : $"{candidate} (is there, but does not load)");
            if (isLoaded)
            {
                return new NativeLibrarySearch(handle, candidate, tried);
            }
        }

        return new NativeLibrarySearch(0, null, tried);
    }

    /// <summary>Returns whether the library exports an entry point: older versions lack the newer ones.</summary>
    public bool Exports(string entryPoint) => IsFound && NativeLibrary.TryGetExport(Handle, entryPoint, out _);
}
