"""Reports the mean order value of all customers."""


def mean_order_value(orders: list[float], customers: int) -> float:
    return sum(orders) / customers


def main() -> None:
    print("reading orders", flush=True)
    orders: list[float] = []
    print(f"mean order value: {mean_order_value(orders, len(orders)):.2f}")


if __name__ == "__main__":
    main()
