using System.Reflection;

namespace Engine.Tests.Architecture;

/// <summary>
/// Checks the allowed dependencies of namespaces, as in docs/architecture.md: there are no cycles.
/// </summary>
public class DependencyTests
{
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Core"] = [],
        ["Configuration"] = ["Core", "IO"],
        ["Data"] = ["Core", "IO"],
        ["IO"] = ["Core"],
        ["Graph"] = ["Core"],
        ["Interop"] = ["Core"],
        ["Devices"] = ["Core", "Interop"],
        ["Distributed"] = ["Core", "Interop"],
        ["Ops"] = ["Core", "Graph", "Devices", "Distributed", "IO"],
        ["Rewrites"] = ["Core", "Graph", "Devices", "Ops"],
        ["Compile"] = ["Core", "Graph", "Devices", "Rewrites"],
        ["Layers"] = ["Core", "Graph", "Ops", "Distributed", "IO"],
        ["Onnx"] = ["Core", "Graph", "Ops", "Layers", "Compile", "Devices", "IO"],
        ["Training"] = ["Core", "Graph", "Ops", "Layers", "Compile", "Devices", "Distributed", "Data", "Onnx", "IO"],
        ["Models"] = ["Core", "Graph", "Ops", "Layers", "Devices", "Training", "Data", "IO", "Inspection", "Onnx"],
        ["Inspection"] = ["Core", "Graph", "Ops", "Layers", "Compile", "Devices", "Training"],
    };

    private static readonly Assembly s_engine = typeof(Tensor).Assembly;

    [Test]
    public void Every_type_is_in_a_known_namespace() =>
        Assert.That(s_engine.GetTypes().Where(IsOurs).Select(NamespaceOf).Distinct(), Is.SubsetOf(s_allowed.Keys));

    [Test]
    public void No_namespace_uses_one_that_it_may_not()
    {
        string[] wrong = [.. s_engine.GetTypes().Where(IsOurs)
            .SelectMany(type => Used(type).Where(IsOurs).Select(used => (From: type, To: used)))
            .Where(arrow => NamespaceOf(arrow.From) != NamespaceOf(arrow.To)
                && !s_allowed[NamespaceOf(arrow.From)].Contains(NamespaceOf(arrow.To)))
            .Select(arrow => $"{arrow.From} uses {arrow.To}")
            .Distinct()];

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void The_walk_sees_what_a_method_body_uses()
    {
        Type plan = s_engine.GetType("Engine.Compile.Plan", throwOnError: true)!;

        Assert.That(Used(plan).Select(NamespaceOf), Does.Contain("Devices").And.Contain("Graph").And.Contain("Core"));
    }

    private static bool IsOurs(Type type) =>
        type.Assembly == s_engine && type.Namespace?.StartsWith("Engine", StringComparison.Ordinal) == true
        && type.FullName != "Engine.Compile.EmbeddedAttribute";

    private static string NamespaceOf(Type type) => type.Namespace?.Split('.').ElementAtOrDefault(1) ?? "Core";

    private static IEnumerable<Type> Used(Type type)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static
            | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        IEnumerable<Type?> signature = type.GetFields(All).Select(field => (Type?)field.FieldType)
            .Concat(type.GetInterfaces())
            .Append(type.BaseType);
        MethodBase[] methods = [.. type.GetMethods(All), .. type.GetConstructors(All)];
        IEnumerable<Type?> bodies =
            methods.SelectMany(method => method.GetParameters().Select(p => (Type?)p.ParameterType)
                .Append((method as MethodInfo)?.ReturnType)
                .Concat(Instruction.Of(method).Select(step => step.Member as Type ?? step.Member?.DeclaringType)));
        return signature.Concat(bodies).OfType<Type>().SelectMany(Parts).Distinct();
    }

    private static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!)
        : type.IsGenericParameter ? type.GetGenericParameterConstraints()
            .Where(constraint => !constraint.ContainsGenericParameters).SelectMany(Parts)
        : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type)
        : [type];
}
