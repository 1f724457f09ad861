using System.Reflection;

namespace Engine.Tests.Architecture;

/// <summary>
/// A message gives the dtype and the shape of a tensor (<see cref="Tensor.TypeText"/>), not its values.
/// </summary>
public class MessageTests
{
    [TestCase(typeof(Tensor), "")]
    [TestCase(typeof(MessageTests), "MessageTests.Wrong")]
    public void No_message_prints_the_values_of_a_tensor(Type within, string found)
    {
        const BindingFlags All = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public
            | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        IEnumerable<Type> types = within == typeof(Tensor) ? within.Assembly.GetTypes() : [within];
        IEnumerable<string> printing = types
            .SelectMany(type => type.GetMembers(All).OfType<MethodBase>())
            .Where(method =>
                Instruction.Of(method).Any(step => step.Member is MethodInfo { IsGenericMethod: true } called
                    && called.Name == "AppendFormatted" && called.GetGenericArguments()[0] == typeof(Tensor)))
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}");

        Assert.That(string.Join(", ", printing), Is.EqualTo(found));
    }

    internal static string Wrong(Tensor tensor) => $"There is no place for a {tensor}.";
}
