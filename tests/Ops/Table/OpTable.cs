using System.Reflection;
using Engine.Graph;

namespace Engine.Tests.Ops;

/// <summary>
/// Every op of the library, found by reflection; a generic op once for each type argument that it supports.
/// </summary>
internal static class OpTable
{
    private static readonly MethodInfo s_samplesOf =
        typeof(OpTable).GetMethod(nameof(SamplesOf), BindingFlags.Static | BindingFlags.NonPublic)!;

    public static IReadOnlyList<Type> Types { get; } = [.. Find().OrderBy(Name, StringComparer.Ordinal)];

    public static IEnumerable<TestCaseData> Cases =>
        Types.Select(type => new TestCaseData(type).SetArgDisplayNames(Name(type)));

    public static string Name(Type type) => type.IsGenericType
        ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
        : type.Name;

    /// <summary>Returns the op's examples for a seed; none if the op has no examples.</summary>
    public static IReadOnlyList<Sample> Samples(Type op, int seed) => op.IsAssignableTo(typeof(ISampled))
        ? (IReadOnlyList<Sample>)s_samplesOf.MakeGenericMethod(op).Invoke(null, [seed])!
        : [];

    private static IReadOnlyList<Sample> SamplesOf<TOp>(int seed) where TOp : ISampled =>
        [.. TOp.Samples(new Random(seed))];

    private static IEnumerable<Type> Find()
    {
        Type[] types = typeof(Op).Assembly.GetTypes();
        Type[] structs = [.. types.Where(type => type.IsValueType && !type.IsGenericTypeDefinition)];
        foreach (Type type in types.Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract))
        {
            if (!type.IsGenericTypeDefinition)
            {
                yield return type;
                continue;
            }

            Type[] constraints = type.GetGenericArguments().Single().GetGenericParameterConstraints();
            foreach (Type row in structs.Where(row => constraints.All(row.IsAssignableTo)))
            {
                yield return type.MakeGenericType(row);
            }
        }
    }
}
