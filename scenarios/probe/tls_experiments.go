package probe

var tlsExperiments = []*experiment{}
