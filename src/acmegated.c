/* acmegated - the gateway's daemon: arguments and wiring, nothing else. */
int
main(void)
{
	return 0;
}
