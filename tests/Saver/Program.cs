using Engine;
using Engine.IO;

// Saves one file repeatedly until tests/IO/KilledSaveTests.cs kills it. All elements of the n-th file are n, so a
// mixture of two files would show.
string path = args[0];
for (int n = 1; ; n++)
{
    var values = new float[40_000];
    Array.Fill(values, n);
    Parameters.Save(path, [new("a.W", Tensor.From(values, 200, 200)), new("b.W", Tensor.From([.. values], 40_000))]);
    Console.WriteLine(n);
}
