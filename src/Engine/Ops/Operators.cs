using Engine.Graph;

namespace Engine.Ops;

/// <summary>Provides the arithmetic operators of C# for variables.</summary>
public static class Operators
{
    extension(Variable)
    {
        /// <summary>Returns the element-wise sum.</summary>
        public static Variable operator +(Variable left, Variable right) => Symbolic.Add(left, right);

        /// <summary>Returns the element-wise sum.</summary>
        public static Variable operator +(Variable left, double right) => Symbolic.Add(left, Symbolic.Constant(right));

        /// <summary>Returns the element-wise sum.</summary>
        public static Variable operator +(double left, Variable right) => Symbolic.Add(Symbolic.Constant(left), right);

        /// <summary>Returns the element-wise difference.</summary>
        public static Variable operator -(Variable left, Variable right) => Symbolic.Subtract(left, right);

        /// <summary>Returns the element-wise difference.</summary>
        public static Variable operator -(Variable left, double right) =>
            Symbolic.Subtract(left, Symbolic.Constant(right));

        /// <summary>Returns the element-wise difference.</summary>
        public static Variable operator -(double left, Variable right) =>
            Symbolic.Subtract(Symbolic.Constant(left), right);

        /// <summary>Returns the element-wise product.</summary>
        public static Variable operator *(Variable left, Variable right) => Symbolic.Multiply(left, right);

        /// <summary>Returns the element-wise product.</summary>
        public static Variable operator *(Variable left, double right) =>
            Symbolic.Multiply(left, Symbolic.Constant(right));

        /// <summary>Returns the element-wise product.</summary>
        public static Variable operator *(double left, Variable right) =>
            Symbolic.Multiply(Symbolic.Constant(left), right);

        /// <summary>Returns the element-wise quotient.</summary>
        public static Variable operator /(Variable left, Variable right) => Symbolic.Divide(left, right);

        /// <summary>Returns the element-wise quotient.</summary>
        public static Variable operator /(Variable left, double right) =>
            Symbolic.Divide(left, Symbolic.Constant(right));

        /// <summary>Returns the element-wise quotient.</summary>
        public static Variable operator /(double left, Variable right) =>
            Symbolic.Divide(Symbolic.Constant(left), right);

        /// <summary>Returns the remainder of a division: <see cref="Symbolic.Mod(Variable, Variable)"/>.</summary>
        public static Variable operator %(Variable left, Variable right) => Symbolic.Mod(left, right);

        /// <summary>Returns the remainder of a division by a number.</summary>
        public static Variable operator %(Variable left, double right) => Symbolic.Mod(left, right);

        /// <summary>Returns whether both are true: <see cref="Symbolic.And"/>.</summary>
        public static Variable operator &(Variable left, Variable right) => Symbolic.And(left, right);

        /// <summary>Returns whether one or both are true: <see cref="Symbolic.Or"/>.</summary>
        public static Variable operator |(Variable left, Variable right) => Symbolic.Or(left, right);

        /// <summary>Returns whether one is true and the other is not: <see cref="Symbolic.Xor"/>.</summary>
        public static Variable operator ^(Variable left, Variable right) => Symbolic.Xor(left, right);

        /// <summary>Returns whether the value is false: <see cref="Symbolic.Not"/>.</summary>
        public static Variable operator !(Variable value) => Symbolic.Not(value);

        /// <summary>Returns the negative.</summary>
        public static Variable operator -(Variable value) => Symbolic.Negate(value);
    }
}
