using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>The outcome of a search for a native library.</summary>
/// <param name="Handle">The loaded library; 0 if there is none.</param>
/// <param name="Path">The name or path under which it was found.</param>
/// <param name="Tried">
/// All names and paths tried, in order, including the one found; a file that exists but does not load is marked.
/// </param>
internal sealed record NativeLibrarySearch(nint Handle, string? Path, IReadOnlyList<string> Tried)
{
    public bool IsFound => Handle != 0;

    /// <summary>Tries the names in some folders, then with the system's loader, then in further folders.</summary>
    /// <param name="names">The names of the library's versions, the preferred one first.</param>
    /// <param name="foldersBefore">The folders to search before the loader.</param>
    /// <param name="foldersAfter">The folders to search if the loader finds nothing.</param>
    /// <param name="needed">
    /// The library that one of these names needs in the same folder, where the loader does not search for it.
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

    /// <summary>Returns whether the library exports an entry point, which older versions may lack.</summary>
    public bool Exports(string entryPoint) => IsFound && NativeLibrary.TryGetExport(Handle, entryPoint, out _);
}
